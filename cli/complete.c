/* complete.c: shell completion scripts for bash, zsh and fish, from the tables. */
#include "cli.h"

#include <string.h>

static void bash_words(FILE *out, const cli_option *rows, int count)
{
    for (int i = 0; i < count; i++) fprintf(out, " --%s", rows[i].name);
}

static void bash_choices(FILE *out, const cli_command *c)
{
    for (int i = 0; i < c->option_count; i++) {
        if (c->options[i].kind != CLI_CHOICE) continue;
        fprintf(out, "        --%s) COMPREPLY=($(compgen -W \"", c->options[i].name);
        for (const char *p = c->options[i].value; *p; p++) fputc(*p == '|' ? ' ' : *p, out);
        fprintf(out, "\" -- \"$cur\")); return;;\n");
    }
}

static void bash(FILE *out)
{
    fprintf(out, "_likeness() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} line=\"${COMP_WORDS[*]:1}\"\n"
                 "    COMPREPLY=()\n    case \"$line\" in\n");
    /* Longer names first, so that "train swap" wins over a one-word "train". */
    for (int words = 2; words >= 1; words--)
        for (int i = 0; i < cli_command_count; i++) {
            const cli_command *c = &cli_commands[i];
            if ((strchr(c->name, ' ') ? 2 : 1) != words) continue;
            fprintf(out, "    \"%s \"*) case \"$prev\" in\n", c->name);
            bash_choices(out, c);
            fprintf(out, "        esac\n        case \"$cur\" in -*) COMPREPLY=($(compgen -W \"");
            bash_words(out, c->options, c->option_count);
            bash_words(out, cli_common, cli_common_count);
            fprintf(out, "\" -- \"$cur\"));; *) COMPREPLY=($(compgen -f -- \"$cur\"));; esac;;\n");
        }
    for (int i = 0; i < cli_command_count; i++) {
        const char *second = strchr(cli_commands[i].name, ' ');
        if (!second || (i && strchr(cli_commands[i - 1].name, ' ') &&
                        !strncmp(cli_commands[i - 1].name, cli_commands[i].name, (size_t)(second - cli_commands[i].name) + 1)))
            continue;
        size_t n = (size_t)(second - cli_commands[i].name) + 1;
        fprintf(out, "    \"%.*s\"*) COMPREPLY=($(compgen -W \"", (int)n, cli_commands[i].name);
        for (int j = i; j < cli_command_count; j++)
            if (!strncmp(cli_commands[j].name, cli_commands[i].name, n)) fprintf(out, "%s ", cli_commands[j].name + n);
        fprintf(out, "\" -- \"$cur\"));;\n");
    }
    fprintf(out, "    *) COMPREPLY=($(compgen -W \"");
    for (int i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i].name;
        fprintf(out, "%.*s ", (int)strcspn(name, " "), name);
    }
    fprintf(out, "--help --version\" -- \"$cur\"));;\n    esac\n}\ncomplete -o filenames -F _likeness likeness\n");
}

static void fish_quote(FILE *out, const char *s)
{
    fputc('\'', out);
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\') fputc('\\', out);
        fputc(*s, out);
    }
    fputc('\'', out);
}

static void fish(FILE *out)
{
    for (int i = 0; i < cli_command_count; i++) {
        const cli_command *c = &cli_commands[i];
        size_t n = strcspn(c->name, " ");
        if (c->name[n]) {
            fprintf(out, "complete -c likeness -n '__fish_use_subcommand' -a %.*s\n", (int)n, c->name);
            fprintf(out, "complete -c likeness -n '__fish_seen_subcommand_from %.*s' -a %s -d ", (int)n, c->name, c->name + n + 1);
        } else {
            fprintf(out, "complete -c likeness -n '__fish_use_subcommand' -a %s -d ", c->name);
        }
        fish_quote(out, c->summary);
        fputc('\n', out);
        for (int j = 0; j < c->option_count; j++) {
            const cli_option *o = &c->options[j];
            fprintf(out, "complete -c likeness -n '__fish_seen_subcommand_from %s' -l %s%s -d ",
                    c->name[n] ? c->name + n + 1 : c->name, o->name, o->kind == CLI_FLAG ? "" : " -r");
            fish_quote(out, o->help);
            fputc('\n', out);
        }
    }
}

bool cli_completion(FILE *out, const char *shell)
{
    if (!strcmp(shell, "bash")) {
        bash(out);
    } else if (!strcmp(shell, "zsh")) {
        fprintf(out, "autoload -U +X bashcompinit && bashcompinit\n");
        bash(out);
    } else if (!strcmp(shell, "fish")) {
        fish(out);
    } else {
        return false;
    }
    return true;
}
