/* help.c: --help and the man page, written from the tables. */
#include "cli.h"

#include <string.h>

/* Print text wrapped to width with a hanging indent. */
static void wrap(FILE *out, const char *text, int indent, int column, int width)
{
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column + (int)n > width && column > indent) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        fwrite(text, 1, n, out);
        column += (int)n;
        text += n;
        if (*text == ' ') {
            text++;
            fputc(' ', out);
            column++;
        }
    }
    fputc('\n', out);
}

static int option_head(char *buf, size_t n, const cli_option *o)
{
    int len = o->letter ? snprintf(buf, n, "-%c, --%s", o->letter, o->name) : snprintf(buf, n, "    --%s", o->name);
    if (o->kind != CLI_FLAG) len += snprintf(buf + len, n - (size_t)len, " %s", o->value);
    return len;
}

static void option_line(FILE *out, const cli_option *o)
{
    char head[96], text[512];
    int len = option_head(head, sizeof head, o);
    fprintf(out, "  %s", head);
    if (len > 26) fprintf(out, "\n%*s", 30, "");
    else fprintf(out, "%*s", 28 - len, "");
    int n = snprintf(text, sizeof text, "%s", o->help);
    if (o->fallback && n > 0 && n < (int)sizeof text) snprintf(text + n, sizeof text - (size_t)n, " (default %s)", o->fallback);
    wrap(out, text, 30, 30, 96);
}

void cli_help_overview(FILE *out)
{
    fprintf(out,
            "likeness %s - make, mark and examine synthetic media of people who agreed to it\n\n"
            "usage: likeness COMMAND [OPTIONS] [ARGUMENTS]\n",
            lk_version());
    const char *group = "";
    for (int i = 0; i < cli_command_count; i++) {
        const cli_command *c = &cli_commands[i];
        if (strcmp(c->group, group)) fprintf(out, "\n%s\n", group = c->group);
        fprintf(out, "  %-16s %s\n", c->name, c->summary);
    }
    fprintf(out, "\nOptions of every command\n");
    for (int i = 0; i < cli_common_count; i++) option_line(out, &cli_common[i]);
    fprintf(out, "\nlikeness COMMAND --help tells more, with examples. First time here? likeness demo\n"
                 "Exit status: 0 done, 1 failed, 2 usage, 3 refused (no consent), 4 could not mark, 5 cancelled, 6 bad input\n");
}

void cli_help_command(FILE *out, const cli_command *c)
{
    fprintf(out, "likeness %s - %s\n\nusage: likeness %s%s%s%s\n", c->name, c->summary, c->name,
            c->option_count ? " [OPTIONS]" : "", *c->arguments ? " " : "", c->arguments);
    if (c->text) {
        fputc('\n', out);
        wrap(out, c->text, 0, 0, 96);
    }
    if (c->option_count) fprintf(out, "\nOptions\n");
    for (int i = 0; i < c->option_count; i++) option_line(out, &c->options[i]);
    fprintf(out, "\nOptions of every command\n");
    for (int i = 0; i < cli_common_count; i++) option_line(out, &cli_common[i]);
    if (c->examples) fprintf(out, "\nExamples\n%s", c->examples);
}

/* roff: a line that starts with . or ' and every backslash need an escape; a hyphen of an option is \-. */
static void roff(FILE *out, const char *s)
{
    bool start = true;
    for (; *s; s++) {
        if (start && (*s == '.' || *s == '\'')) fputs("\\&", out);
        if (*s == '\\') fputs("\\e", out);
        else if (*s == '-') fputs("\\-", out);
        else fputc(*s, out);
        start = *s == '\n';
    }
}

static void roff_options(FILE *out, const cli_option *rows, int count)
{
    for (int i = 0; i < count; i++) {
        char head[96];
        option_head(head, sizeof head, &rows[i]);
        fputs(".TP\n.B ", out);
        roff(out, head + strspn(head, " "));
        fputc('\n', out);
        roff(out, rows[i].help);
        if (rows[i].fallback) {
            fputs(" (default ", out);
            roff(out, rows[i].fallback);
            fputc(')', out);
        }
        fputc('\n', out);
    }
}

void cli_man_page(FILE *out)
{
    fprintf(out, ".TH LIKENESS 1 \"\" \"likeness %s\" \"User Commands\"\n.SH NAME\nlikeness \\- make, mark and examine synthetic "
                 "media of people who agreed to it\n.SH SYNOPSIS\n.B likeness\n.I COMMAND\n[OPTIONS] [ARGUMENTS]\n.SH COMMANDS\n",
            lk_version());
    for (int i = 0; i < cli_command_count; i++) {
        const cli_command *c = &cli_commands[i];
        fputs(".SS \"likeness ", out);
        roff(out, c->name);
        fputc(' ', out);
        roff(out, c->arguments);
        fputs("\"\n", out);
        roff(out, c->summary);
        fputs(".\n", out);
        if (c->text) {
            fputs(".PP\n", out);
            roff(out, c->text);
            fputc('\n', out);
        }
        roff_options(out, c->options, c->option_count);
        if (c->examples) {
            fputs(".PP\n.nf\n", out);
            roff(out, c->examples);
            fputs(".fi\n", out);
        }
    }
    fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
    roff_options(out, cli_common, cli_common_count);
    fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 usage, 3 refused (no consent), 4 could not mark, 5 cancelled, 6 bad input\n"
          ".SH ENVIRONMENT\n.TP\n.B LIKENESS_PROJECT\nthe project folder when \\-\\-project is not given\n"
          ".TP\n.B LIKENESS_MODELS\nfolder of the shipped models\n.TP\n.B LIKENESS_THREADS\nthreads to use\n"
          ".TP\n.B LIKENESS_DTYPE\nf32 or bf16: arithmetic of the networks\n.TP\n.B LIKENESS_DATA\ndata folder of the benches\n", out);
}
