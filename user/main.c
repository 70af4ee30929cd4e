// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "options.h"

static const struct cmd cmds[] = {
	{ "run", "[options] -- CMD [ARG...]", "observe CMD and all it starts; exit status is CMD's", cmd_run },
	{ "watch", "[options]", "observe this machine until SIGINT or SIGTERM", cmd_watch },
	{ "record", "-o FILE [options] [--] CMD...", "keep the raw kernel records of CMD", cmd_record },
	{ "replay", "[options] FILE", "decode a recording; needs no root", cmd_replay },
	{ "check", "[--pid N | --file PATH]", "what this kernel allows; TLS of a process or a file", cmd_check },
	{ "status", "[--json]", "of a running watch: processes, coverage, books, sinks", cmd_status },
};

#define CMD_CNT (sizeof(cmds) / sizeof(cmds[0]))

static int help(void)
{
	puts("onlooker " ONLOOKER_VERSION ": a flight recorder for AI agents that needs nothing from the agent\n");
	for (size_t i = 0; i < CMD_CNT; i++)
		printf("  onlooker %-7s %-30s %s\n", cmds[i].name, cmds[i].args, cmds[i].help);
	puts("\noptions (onlooker VERB --help: those of one verb)\n");
	options_help(~0u);
	puts("  --version              print the version\n"
	     "  --help                 print this\n\n"
	     "Without --file and --otlp, run and watch draw what they see: run on stderr after CMD ends,\n"
	     "watch on stdout as it happens.  Exit status: CMD's own for run; 0; 1 when this machine cannot\n"
	     "do it, with one sentence that says what to do; 2 for usage.");
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "--help";

	if (!strcmp(verb, "--help") || !strcmp(verb, "-h") || !strcmp(verb, "help")) {
		help();
		return argc > 1 ? 0 : EXIT_USAGE;
	}
	if (!strcmp(verb, "--version")) {
		puts("onlooker " ONLOOKER_VERSION);
		return 0;
	}
	for (size_t i = 0; i < CMD_CNT; i++)
		if (!strcmp(verb, cmds[i].name))
			return cmds[i].run(argc - 1, argv + 1);
	if (verb[0] == '-')
		fprintf(stderr, "onlooker: %s: options stand behind the verb; see onlooker --help\n", verb);
	else
		fprintf(stderr, "onlooker: no such verb: %s; see onlooker --help\n", verb);
	return EXIT_USAGE;
}
