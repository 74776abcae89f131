/* options.c: from argv to cli_args, by the rows of the tables. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

lk_status cli_usage_error(lk_error *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    err->code = LK_E_ARG;
    return LK_E_ARG;
}

/* Words of a command name that argv matches from the start; 0 = no match. */
static int match_words(const char *name, int argc, char **argv)
{
    int words = 0;
    while (*name) {
        size_t n = strcspn(name, " ");
        if (words >= argc || strlen(argv[words]) != n || strncmp(argv[words], name, n)) return 0;
        words++;
        name += n;
        while (*name == ' ') name++;
    }
    return words;
}

const cli_command *cli_find(int argc, char **argv, int *used)
{
    const cli_command *best = NULL;
    *used = 0;
    for (int i = 0; i < cli_command_count; i++) {
        int words = match_words(cli_commands[i].name, argc, argv);
        if (words > *used) {
            *used = words;
            best = &cli_commands[i];
        }
    }
    return best;
}

static bool in_choices(const char *choices, const char *text)
{
    size_t want = strlen(text);
    while (*choices) {
        size_t n = strcspn(choices, "|");
        if (n == want && !strncmp(choices, text, n)) return true;
        choices += n;
        if (*choices == '|') choices++;
    }
    return false;
}

static lk_status check_value(const cli_option *o, const char *text, lk_error *err)
{
    char *end = NULL;
    errno = 0;
    if (o->kind == CLI_CHOICE && !in_choices(o->value, text))
        return cli_usage_error(err, "--%s takes one of %s, not \"%s\"", o->name, o->value, text);
    if (o->kind == CLI_INT || o->kind == CLI_REAL) {
        double v = o->kind == CLI_INT ? (double)strtoll(text, &end, 10) : strtod(text, &end);
        if (end == text || *end || errno || !isfinite(v))
            return cli_usage_error(err, "--%s takes a %s, not \"%s\"", o->name,
                                   o->kind == CLI_INT ? "whole number" : "number", text);
        if (v < o->min || v > o->max)
            return cli_usage_error(err, "--%s must lie between %g and %g, not %s", o->name, o->min, o->max, text);
    }
    return LK_OK;
}

typedef struct found { const cli_option *row; const char **slot; bool *given; } found;

/* Look an option up in the command's rows, then in the common ones. */
static bool lookup(const cli_command *c, cli_args *a, const char **common, const char *name, size_t n, char letter,
                   found *out)
{
    for (int pass = 0; pass < 2; pass++) {
        const cli_option *rows = pass ? cli_common : c->options;
        int count = pass ? cli_common_count : c->option_count;
        for (int i = 0; i < count; i++) {
            bool hit = letter ? rows[i].letter == letter : strlen(rows[i].name) == n && !strncmp(rows[i].name, name, n);
            if (!hit) continue;
            *out = (found){&rows[i], pass ? &common[i] : &a->text[i], pass ? NULL : &a->given[i]};
            return true;
        }
    }
    return false;
}

static lk_status take_option(const cli_command *c, int argc, char **argv, int *i, cli_args *a, const char **common,
                             lk_error *err)
{
    const char *word = argv[*i], *value = NULL;
    found f;
    if (word[1] == '-') {
        size_t n = strcspn(word + 2, "=");
        if (!lookup(c, a, common, word + 2, n, 0, &f))
            return cli_usage_error(err, "likeness %s has no option %.*s; see likeness %s --help", c->name, (int)n + 2, word,
                                   c->name);
        if (word[2 + n] == '=') value = word + 3 + n;
    } else {
        if (!lookup(c, a, common, NULL, 0, word[1], &f))
            return cli_usage_error(err, "likeness %s has no option %.2s; see likeness %s --help", c->name, word, c->name);
        if (word[2]) value = word + 2;
    }
    if (f.row->kind == CLI_FLAG) {
        if (value) return cli_usage_error(err, "--%s takes no value", f.row->name);
        value = "1";
    } else if (!value) {
        if (*i + 1 >= argc) return cli_usage_error(err, "--%s needs a value (%s)", f.row->name, f.row->value);
        value = argv[++*i];
    }
    lk_status s = check_value(f.row, value, err);
    if (s) return s;
    *f.slot = value;
    if (f.given) *f.given = true;
    return LK_OK;
}

lk_status cli_parse(const cli_command *c, int argc, char **argv, cli_args *a, const char **common, lk_error *err)
{
    a->command = c;
    for (int i = 0; i < c->option_count; i++) a->text[i] = c->options[i].fallback;
    for (int i = 0; i < cli_common_count; i++) common[i] = cli_common[i].fallback;
    bool only_args = false;
    for (int i = 0; i < argc; i++) {
        if (!only_args && !strcmp(argv[i], "--")) {
            only_args = true;
        } else if (!only_args && argv[i][0] == '-' && argv[i][1]) {
            lk_status s = take_option(c, argc, argv, &i, a, common, err);
            if (s) return s;
        } else {
            a->args[a->arg_count++] = argv[i];
        }
    }
    return LK_OK;
}

static int index_of(const cli_args *a, const char *option)
{
    for (int i = 0; i < a->command->option_count; i++)
        if (!strcmp(a->command->options[i].name, option)) return i;
    /* Asking for a row that is not in the table is our own mistake: tests/cli asks for every row. */
    fprintf(stderr, "likeness: internal error: %s has no option row --%s\n", a->command->name, option);
    exit(70);
}

const char *cli_str(const cli_args *a, const char *option) { return a->text[index_of(a, option)]; }

long long cli_int(const cli_args *a, const char *option)
{
    const char *t = cli_str(a, option);
    return t ? strtoll(t, NULL, 10) : 0;
}

double cli_real(const cli_args *a, const char *option)
{
    const char *t = cli_str(a, option);
    return t ? strtod(t, NULL) : 0;
}

bool cli_flag(const cli_args *a, const char *option) { return cli_str(a, option) != NULL; }
