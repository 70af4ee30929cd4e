// SPDX-License-Identifier: Apache-2.0
/*
 * What one hit of a probe costs the process that hits it: CPU nanoseconds of
 * the calling thread for each operation, the median of many batches.  CPU time
 * and not wall time (except for processes), so that what else the machine does
 * weighs less.
 * hits [BATCHES]: one JSON object.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

extern char **environ;

#define BATCHES_MAX	400
#define BATCH		64
#define BUFFER		(4 * 1024 * 1024)

struct tape {
	double ns[BATCHES_MAX];
	int n;
};

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void say(struct tape *t, const char *name, int size)
{
	static int said;

	qsort(t->ns, t->n, sizeof(t->ns[0]), by_value);
	printf("%s\"%s", said++ ? "," : "{", name);
	if (size)
		printf(" %d B", size);
	printf("\":%.1f", t->n ? t->ns[t->n / 2] : 0);
	t->n = 0;
}

static void time_calls(struct tape *t, long (*call)(int fd), int fd, int batches)
{
	for (int i = 0; i < batches; i++) {
		double begin = cpu_ns();

		for (int k = 0; k < 1000; k++)
			call(fd);
		t->ns[t->n++] = (cpu_ns() - begin) / 1000;
	}
}

static long call_getppid(int fd)
{
	return syscall(SYS_getppid);
}

static long call_read(int fd)
{
	char byte;

	return read(fd, &byte, 1);
}

/* A process from spawn to its end: others work for it meanwhile, so this one is wall time. */
static void time_spawn(struct tape *t, int batches)
{
	static char path[] = "/bin/true", *const argv[] = { path, NULL };
	struct timespec a, b;
	pid_t pid;

	for (int i = 0; i < batches; i++) {
		clock_gettime(CLOCK_MONOTONIC, &a);
		if (posix_spawn(&pid, path, NULL, NULL, argv, environ) || waitpid(pid, NULL, 0) != pid)
			exit(1);
		clock_gettime(CLOCK_MONOTONIC, &b);
		t->ns[t->n++] = (b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec);
	}
}

static X509 *self_signed(EVP_PKEY *key)
{
	X509 *cert = X509_new();

	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	X509_sign(cert, key, EVP_sha256());
	return cert;
}

/* Two ends over memory: no system call is in the way. */
static void tls_pair(SSL **ret_client, SSL **ret_server)
{
	SSL_CTX *sc = SSL_CTX_new(TLS_server_method()), *cc = SSL_CTX_new(TLS_client_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());

	SSL_CTX_use_certificate(sc, self_signed(key));
	SSL_CTX_use_PrivateKey(sc, key);
	SSL_CTX_set_num_tickets(sc, 0);
	*ret_client = SSL_new(cc);
	*ret_server = SSL_new(sc);
	BIO_up_ref(up);
	BIO_up_ref(down);
	SSL_set_bio(*ret_client, down, up);
	SSL_set_bio(*ret_server, up, down);
	SSL_set_connect_state(*ret_client);
	SSL_set_accept_state(*ret_server);
	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(*ret_client);
		SSL_do_handshake(*ret_server);
	}
}

static void time_tls(SSL *c, SSL *s, char *buf, int size, int batches)
{
	static struct tape w, r;
	double a, b;

	for (int i = 0; i < batches; i++) {
		a = cpu_ns();
		for (int k = 0; k < BATCH; k++)
			if (SSL_write(c, buf, size) != size)
				exit(1);
		b = cpu_ns();
		w.ns[w.n++] = (b - a) / BATCH;
		for (int k = 0; k < BATCH; k++)
			if (SSL_read(s, buf, size) != size)
				exit(1);
		r.ns[r.n++] = (cpu_ns() - b) / BATCH;
	}
	say(&w, "SSL_write", size);
	say(&r, "SSL_read", size);
}

static void tcp_pair(int ret[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), on = 1, buffer = BUFFER;

	ret[0] = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(ret[0], SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	setsockopt(l, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	setsockopt(ret[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(l, (struct sockaddr *)&a, n) || listen(l, 1) || getsockname(l, (struct sockaddr *)&a, &n) ||
	    connect(ret[0], (struct sockaddr *)&a, n))
		exit(1);
	ret[1] = accept(l, NULL, NULL);
	close(l);
}

static void time_socket(const int fd[2], char *buf, int size, int batches)
{
	static struct tape w, r;
	double a, b;

	for (int i = 0; i < batches; i++) {
		a = cpu_ns();
		for (int k = 0; k < BATCH; k++)
			if (write(fd[0], buf, size) != size)
				exit(1);
		b = cpu_ns();
		w.ns[w.n++] = (b - a) / BATCH;
		for (int k = 0; k < BATCH; k++)
			if (recv(fd[1], buf, size, MSG_WAITALL) != size)
				exit(1);
		r.ns[r.n++] = (cpu_ns() - b) / BATCH;
	}
	say(&w, "socket write", size);
	say(&r, "socket recv", size);
}

int main(int argc, char **argv)
{
	static const int sizes[] = { 1, 1024, 16384 };
	static char buf[16384] = "POST /upload HTTP/1.1\r\n";
	int batches = argc > 1 ? atoi(argv[1]) : 100, fd[2], zero = open("/dev/zero", O_RDONLY);
	static struct tape t;
	SSL *c, *s;

	if (batches < 1 || batches > BATCHES_MAX)
		return 2;
	time_calls(&t, call_getppid, -1, batches);
	say(&t, "getppid", 0);
	time_calls(&t, call_read, zero, batches);
	say(&t, "read /dev/zero", 1);
	time_spawn(&t, batches);
	say(&t, "spawn and end (wall)", 0);
	tls_pair(&c, &s);
	tcp_pair(fd);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		time_tls(c, s, buf, sizes[i], batches);
		time_socket(fd, buf, sizes[i], batches);
	}
	puts("}");
	return 0;
}
