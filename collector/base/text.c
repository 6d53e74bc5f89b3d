/* SPDX-License-Identifier: Apache-2.0 */
/* text - bytes made presentable. */
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static bool continues(const unsigned char *p, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t text_utf8_len(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	if (n >= 1 && p[0] < 0x80)
		return 1;
	if (n >= 2 && p[0] >= 0xc2 && p[0] <= 0xdf && continues(p, 2))
		return 2;
	if (n >= 3 && p[0] >= 0xe0 && p[0] <= 0xef && continues(p, 3) &&
		!(p[0] == 0xe0 && p[1] < 0xa0) && !(p[0] == 0xed && p[1] > 0x9f))
		return 3;
	if (n >= 4 && p[0] >= 0xf0 && p[0] <= 0xf4 && continues(p, 4) &&
		!(p[0] == 0xf0 && p[1] < 0x90) && !(p[0] == 0xf4 && p[1] > 0x8f))
		return 4;
	return 0;
}

bool text_is_utf8(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0, len; i < n; i += len) {
		len = text_utf8_len(p + i, n - i);
		if (!len)
			return false;
	}
	return true;
}

void text_base64(struct buf *out, const void *bytes, size_t n)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;
		char c[4];

		if (i + 1 < n)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		c[0] = set[v >> 18];
		c[1] = set[v >> 12 & 63];
		c[2] = i + 1 < n ? set[v >> 6 & 63] : '=';
		c[3] = i + 2 < n ? set[v & 63] : '=';
		buf_add(out, c, sizeof(c));
	}
}

void text_hex(struct buf *out, const void *bytes, size_t n)
{
	static const char set[] = "0123456789abcdef";
	const unsigned char *p = bytes;
	char *to = buf_room(out, 2 * n);

	for (size_t i = 0; to && i < n; i++) {
		*to++ = set[p[i] >> 4];
		*to++ = set[p[i] & 15];
	}
	if (!to)
		return;
	*to = '\0';
	out->len += 2 * n;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

int text_unbase64(const char *s, size_t len, void *ret, size_t n)
{
	unsigned char *p = ret;
	uint32_t v = 0;
	unsigned bits = 0;
	size_t got = 0, chars = (4 * n + 2) / 3;

	if (len != (n + 2) / 3 * 4)
		return -EINVAL;
	for (size_t i = 0; i < chars; i++) {
		int d = base64_digit(s[i]);

		if (d < 0)
			return -EINVAL;
		v = v << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			p[got++] = (unsigned char)(v >> bits);
			v &= (1U << bits) - 1;
		}
	}
	for (size_t i = chars; i < len; i++)
		if (s[i] != '=')
			return -EINVAL;
	return v ? -EINVAL : 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int text_unhex(const char *s, void *ret, size_t n)
{
	unsigned char *p = ret;

	if (strlen(s) != 2 * n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_digit(s[2 * i]), lo = hex_digit(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		p[i] = (unsigned char)(hi << 4 | lo);
	}
	return 0;
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back: years start in
 * March, so that the leap day is the last one (400 years are 146097 days, from 0000-03-01). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = year - (month <= 2) + 400;
	int64_t yday = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

	return 365 * y + y / 4 - y / 100 + y / 400 + yday - 719468 - 146097;
}

static void date_of(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468 + 146097;
	int64_t era = z / 146097, doe = z % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t yday = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t m = (5 * yday + 2) / 153;

	*day = (int)(yday - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(yoe + era * 400 - 400 + (*month <= 2));
}

static char *put_digits(char *to, uint64_t v, unsigned digits)
{
	for (unsigned i = digits; i--; v /= 10)
		to[i] = (char)('0' + v % 10);
	return to + digits;
}

/* Not gmtime_r: the first call of glibc's opens $TZ or /etc/localtime, which may be the target's.
 */
void text_time(struct buf *out, struct timespec t)
{
	enum { DAY = 86400 };
	int64_t days = t.tv_sec / DAY, sec = t.tv_sec % DAY;
	int year, month, day;
	char text[] = "0000-00-00T00:00:00.000000000Z", *to = text;
	unsigned part[6];

	if (sec < 0) {
		sec += DAY;
		days--;
	}
	if (t.tv_sec < TEXT_TIME_MIN || t.tv_sec > TEXT_TIME_MAX) {
		buf_addf(out, "@%jd.%09ld", (intmax_t)t.tv_sec, t.tv_nsec);
		return;
	}
	date_of(days, &year, &month, &day);
	part[0] = (unsigned)year;
	part[1] = (unsigned)month;
	part[2] = (unsigned)day;
	part[3] = (unsigned)(sec / 3600);
	part[4] = (unsigned)(sec / 60 % 60);
	part[5] = (unsigned)(sec % 60);
	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		to = put_digits(to, part[i], i ? 2 : 4) + 1;
	(void)put_digits(to, (uint64_t)t.tv_nsec, 9);
	buf_add(out, text, sizeof(text) - 1);
}

/* n decimal digits. */
static int64_t number(const char *s, size_t n)
{
	int64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = 10 * v + (s[i] - '0');
	return v;
}

int text_parse_time(const char *s, struct timespec *ret)
{
	static const char form[] = "0000-00-00T00:00:00.000000000Z";
	own_buf struct buf again = BUF_INIT(64);
	struct timespec t;

	if (strlen(s) != sizeof(form) - 1)
		return -EINVAL;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return -EINVAL;
	t.tv_sec = days_of(number(s, 4), number(s + 5, 2), number(s + 8, 2)) * 86400 +
		   number(s + 11, 2) * 3600 + number(s + 14, 2) * 60 + number(s + 17, 2);
	t.tv_nsec = (long)number(s + 20, 9);
	text_time(&again, t); /* refuses the 31st of February */
	if (strcmp(buf_str(&again), s))
		return -EINVAL;
	*ret = t;
	return 0;
}

void text_size(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double v = (double)bytes;
	unsigned u = 0;

	for (; v >= 1024 && u < 6; u++)
		v /= 1024;
	buf_addf(out, u && v < 100 ? "%.1f %s" : "%.0f %s", v, units[u]);
}

/* U+200B..200F, 202A..202E, 2060..2069, FEFF: they reorder or hide what follows. */
static bool misleads(const unsigned char *p, size_t len)
{
	if (len == 2)
		return p[0] == 0xc2 && p[1] < 0xa0; /* C1 */
	if (len != 3)
		return false;
	if (p[0] == 0xe2 && p[1] == 0x80)
		return (p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae);
	if (p[0] == 0xe2 && p[1] == 0x81)
		return p[2] >= 0xa0 && p[2] <= 0xa9;
	return p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf;
}

void text_escape(struct buf *out, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t plain = 0;

	for (size_t i = 0, len; i < n; i += len) {
		len = text_utf8_len(p + i, n - i);
		if (len && p[i] >= 0x20 && p[i] != 0x7f && p[i] != '\\' && !misleads(p + i, len))
			continue;
		buf_add(out, p + plain, i - plain);
		if (!len)
			len = 1;
		plain = i + len;
		if (p[i] == '\\')
			buf_adds(out, "\\\\");
		else if (p[i] == '\n')
			buf_adds(out, "\\n");
		else if (p[i] == '\t')
			buf_adds(out, "\\t");
		else
			for (size_t k = 0; k < len; k++)
				buf_addf(out, "\\x%02x", p[i + k]);
	}
	buf_add(out, p + plain, n - plain);
}

int text_parse_u64(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -ERANGE;
	}
	if (v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int parse_with_unit(const char *s, const struct unit *units, uint64_t *ret)
{
	size_t digits = strspn(s, "0123456789");
	char number[21];
	uint64_t v;

	if (!digits || digits >= sizeof(number))
		return -EINVAL;
	memcpy(number, s, digits);
	number[digits] = '\0';
	if (text_parse_u64(number, UINT64_MAX, &v) < 0)
		return -EINVAL;
	for (; units->name; units++)
		if (!strcmp(units->name, s + digits))
			return __builtin_mul_overflow(v, units->factor, ret) ? -EINVAL : 0;
	return -EINVAL;
}

int text_parse_size(const char *s, uint64_t *ret)
{
	static const struct unit units[] = {
		{"", 1},
		{"B", 1},
		{"K", 1ULL << 10},
		{"KiB", 1ULL << 10},
		{"M", 1ULL << 20},
		{"MiB", 1ULL << 20},
		{"G", 1ULL << 30},
		{"GiB", 1ULL << 30},
		{"T", 1ULL << 40},
		{"TiB", 1ULL << 40},
		{0},
	};

	return parse_with_unit(s, units, ret);
}

int text_parse_duration(const char *s, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{"ms", 1000000ULL},
		{"s", 1000000000ULL},
		{"m", 60 * 1000000000ULL},
		{"h", 3600 * 1000000000ULL},
		{0},
	};

	return parse_with_unit(s, units, ret_ns);
}
