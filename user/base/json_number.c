// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_walk.h"

/* Far outside of every double, far inside of int64_t. */
#define EXP_MAX 1000000000000000ll

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* v is a number that follows the grammar. */
static struct view split_exp(struct view v, int64_t *ret_exp)
{
	size_t i = 0, at;
	bool neg;

	*ret_exp = 0;
	while (i < v.n && (v.p[i] | 0x20) != 'e')
		i++;
	at = i++;
	neg = i < v.n && v.p[i] == '-';
	for (; i < v.n; i++)
		if (is_digit(v.p[i]) && *ret_exp < EXP_MAX)
			*ret_exp = *ret_exp * 10 + (v.p[i] - '0');
	if (neg)
		*ret_exp = -*ret_exp;
	return view_take(v, at);
}

static void add_digit(struct json_decimal *d, char c)
{
	if (d->n < JSON_DIGITS)
		d->digits[d->n++] = c;
	else if (c != '0')
		d->digits[JSON_DIGITS - 1] |= 1;	/* not zero: no tie ends so far out */
}

static void read_decimal(struct view v, struct json_decimal *d)
{
	bool point = false;

	d->neg = v.n && v.p[0] == '-';
	d->n = 0;
	v = split_exp(v, &d->exp);
	for (size_t i = d->neg; i < v.n; i++) {
		if (v.p[i] == '.') {
			point = true;
			continue;
		}
		if (d->n || v.p[i] != '0') {
			add_digit(d, v.p[i]);
			d->exp += !point;
		} else {
			d->exp -= point;
		}
	}
	while (d->n && d->digits[d->n - 1] == '0')
		d->n--;
}

/* As an integer with an exponent it has no decimal point, so strtod() cannot see a locale's. */
double json_decimal_value(const struct json_decimal *d)
{
	char s[JSON_DIGITS + 32];

	if (!d->n)
		return d->neg ? -0.0 : 0.0;
	snprintf(s, sizeof(s), "%s%.*se%lld", d->neg ? "-" : "", (int)d->n, d->digits,
		 (long long)d->exp - (long long)d->n);
	return strtod(s, NULL);
}

static bool is_whole_number(struct json v)
{
	return v.type == JSON_NUMBER && !v.cut && !v.bad;
}

bool json_double(struct json v, double *ret)
{
	struct json_decimal d;
	double x;

	if (!is_whole_number(v))
		return false;
	read_decimal(v.raw, &d);
	x = json_decimal_value(&d);
	if (isinf(x))
		return false;
	*ret = x;
	return true;
}

bool json_int(struct json v, int64_t *ret)
{
	struct json_decimal d;
	uint64_t n = 0, max;

	if (!is_whole_number(v))
		return false;
	read_decimal(v.raw, &d);
	if (d.n && (d.exp > 19 || d.exp < (int64_t)d.n))
		return false;
	for (int64_t i = 0; d.n && i < d.exp; i++)
		n = n * 10 + (i < (int64_t)d.n ? d.digits[i] - '0' : 0);
	max = (uint64_t)INT64_MAX + d.neg;
	if (n > max)
		return false;
	*ret = d.neg ? (int64_t)(0 - n) : (int64_t)n;
	return true;
}
