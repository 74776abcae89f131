/* check.h: the small test harness every test program shares.
 *
 * A test is a function that calls CHECK; a program lists its tests and calls
 * check_main. Each test prints one "ok NAME" or "not ok NAME" line (TAP); the
 * message of a failed check says what broke, with both values.
 * `PROGRAM NAME` runs one test; `PROGRAM --selftest` must go red.
 */
#ifndef LK_TESTS_CHECK_H
#define LK_TESTS_CHECK_H

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct check_test { const char *name; void (*fn)(void); } check_test;

static int check_failures;     /* of the test that runs */
static const char *check_skip; /* why the running test was skipped */

__attribute__((format(printf, 3, 4), unused)) static void check_fail(const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("# %s:%d: ", file, line);
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    check_failures++;
}

#define CHECK(cond, ...) do { if (!(cond)) { check_fail(__FILE__, __LINE__, "failed: %s", #cond); printf("#   " __VA_ARGS__); printf("\n"); } } while (0)
#define CHECK_OK(expr, err) do { lk_status s_ = (expr); if (s_ != LK_OK) check_fail(__FILE__, __LINE__, "%s: status %d: %s", #expr, (int)s_, (err)->message); } while (0)
#define CHECK_STATUS(expr, want, err) do { lk_status s_ = (expr); if (s_ != (want)) check_fail(__FILE__, __LINE__, "%s: status %d, wanted %d: %s", #expr, (int)s_, (int)(want), (err)->message); } while (0)
#define CHECK_INT(got, want) do { long long g_ = (long long)(got), w_ = (long long)(want); if (g_ != w_) check_fail(__FILE__, __LINE__, "%s is %lld, wanted %lld", #got, g_, w_); } while (0)
#define CHECK_STR(got, want) do { const char *g_ = (got), *w_ = (want); if (!g_ || strcmp(g_, w_)) check_fail(__FILE__, __LINE__, "%s is \"%s\", wanted \"%s\"", #got, g_ ? g_ : "(null)", w_); } while (0)
#define CHECK_NEAR(got, want, tol) do { double g_ = (got), w_ = (want), t_ = (tol); if (!(fabs(g_ - w_) <= t_)) check_fail(__FILE__, __LINE__, "%s is %.9g, wanted %.9g within %.3g", #got, g_, w_, t_); } while (0)
#define SKIP(why) do { check_skip = (why); return; } while (0)

static void check_selftest_red(void) { CHECK(1 == 2, "this failure is the self-test: the harness must report it"); }

__attribute__((unused)) static int check_main(int argc, char **argv, const check_test *tests, int count)
{
    static const check_test red[] = {{"selftest", check_selftest_red}};
    if (argc > 1 && !strcmp(argv[1], "--selftest")) { tests = red; count = 1; argc = 1; }
    int bad = 0, number = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < count; i++) {
        if (argc > 1 && strcmp(argv[1], tests[i].name)) continue;
        check_failures = 0;
        check_skip = NULL;
        tests[i].fn();
        number++;
        if (check_failures) bad++;
        printf("%s %d - %s%s%s\n", check_failures ? "not ok" : "ok", number, tests[i].name,
               check_skip ? " # SKIP " : "", check_skip ? check_skip : "");
    }
    printf("1..%d\n", number);
    if (!number) { fprintf(stderr, "no such test\n"); return 2; }
    return bad ? 1 : 0;
}

#define CHECK_MAIN(tests) int main(int argc, char **argv) { return check_main(argc, argv, tests, (int)(sizeof(tests) / sizeof((tests)[0]))); }

#endif
