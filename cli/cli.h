/* cli: level 8. The command `likeness`. Includes public headers only.
 *
 * One table of commands (commands.c), each with a table of options; the parser
 * (options.c), --help and the man page (help.c) and shell completion (complete.c)
 * are read off the same rows. To add a command: write its function in a file
 * cmd_NAME.c, its option rows beside it, and one row in commands.c.
 */
#ifndef LK_CLI_H
#define LK_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "likeness/enroll.h"
#include "likeness/studio.h"

#define CLI_COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define CLI_MAX_OPTIONS 24

typedef enum cli_kind { CLI_FLAG, CLI_STRING, CLI_FILE, CLI_INT, CLI_REAL, CLI_CHOICE } cli_kind;

/* One option. Every row has --name; letter 0 = no short form. */
typedef struct cli_option {
    const char *name;
    char letter;
    cli_kind kind;
    const char *value;    /* metavar, or for CLI_CHOICE "a|b|c" */
    const char *fallback; /* default as text, NULL = none */
    double min, max;      /* CLI_INT, CLI_REAL */
    const char *help;
} cli_option;

typedef struct cli_args cli_args;

/* What a command needs; the runner sees to it before the function is called. */
enum {
    CLI_PROJECT = 1,        /* opens the project folder */
    CLI_PROJECT_CREATE = 2, /* and makes it when absent */
    CLI_PROJECT_MAYBE = 16, /* opens it when it is there */
    CLI_MAKES_MEDIA = 4,    /* writes made pixels: through mark/ */
    CLI_LONG = 8            /* shows progress, Ctrl-C stops it without loss */
};

typedef struct cli_command {
    const char *name;       /* "train swap" */
    const char *group;      /* heading in the overview */
    const char *arguments;  /* "CLIP..." */
    int min_args, max_args; /* max_args -1 = any number */
    const char *summary;    /* one line */
    const char *text;       /* a paragraph, may be NULL */
    const char *examples;   /* lines, may be NULL */
    const cli_option *options;
    int option_count;
    unsigned flags;
    lk_status (*run)(cli_args *a, lk_error *err);
} cli_command;

/* A parsed command line, and what the runner opened for it. */
struct cli_args {
    const cli_command *command;
    const char *text[CLI_MAX_OPTIONS]; /* by option row; NULL = neither given nor defaulted */
    bool given[CLI_MAX_OPTIONS];
    const char **args;
    int arg_count;
    lk_project *project;
    lk_cancel *cancel;
    lk_progress_sink progress;
    bool quiet;
    int exit_code; /* of a command that succeeded: an answer (verify), else 0 */
};

extern const cli_command cli_commands[];
extern const int cli_command_count;
/* Options that every command takes: --project, --threads, --quiet, --help. */
extern const cli_option cli_common[];
extern const int cli_common_count;
/* Options that say what a consent record says; some commands take them all. */
extern const cli_option *const cli_terms;
extern const int cli_terms_count;

/* options.c */
const cli_command *cli_find(int argc, char **argv, int *used);  /* longest match; NULL = none */
/* Fills a; on failure err says what and cli exits with 2. values of common options land in common[]. */
lk_status cli_parse(const cli_command *c, int argc, char **argv, cli_args *a, const char **common, lk_error *err);
const char *cli_str(const cli_args *a, const char *option);
long long cli_int(const cli_args *a, const char *option);
double cli_real(const cli_args *a, const char *option);
bool cli_flag(const cli_args *a, const char *option);
lk_status cli_usage_error(lk_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* help.c, complete.c: all to out */
void cli_help_overview(FILE *out);
void cli_help_command(FILE *out, const cli_command *c);
void cli_man_page(FILE *out);
bool cli_completion(FILE *out, const char *shell); /* false: unknown shell */

/* progress.c: one live line on a terminal, a plain line every few seconds elsewhere. */
lk_progress_sink cli_progress_sink(bool quiet);
void cli_progress_end(void); /* finish the live line before other output */
void cli_line(void *user, const char *line); /* an lk_line_fn that prints to stdout */
void cli_ask_on_terminal(void); /* cmd_keys.c: passphrases may be asked for */

/* The commands. */
lk_status cmd_subject_add(cli_args *a, lk_error *err);
lk_status cmd_subject_list(cli_args *a, lk_error *err);
lk_status cmd_subject_enroll(cli_args *a, lk_error *err);
lk_status cmd_subject_enrolled(cli_args *a, lk_error *err);
lk_status cmd_subject_protect(cli_args *a, lk_error *err);
lk_status cmd_subject_unprotect(cli_args *a, lk_error *err);
lk_status cmd_subject_outputs(cli_args *a, lk_error *err);
lk_status cmd_subject_erase(cli_args *a, lk_error *err);
lk_status cmd_consent_grant(cli_args *a, lk_error *err);
lk_status cmd_consent_request(cli_args *a, lk_error *err);
lk_status cmd_consent_key(cli_args *a, lk_error *err);
lk_status cmd_consent_sign(cli_args *a, lk_error *err);
lk_status cmd_consent_accept(cli_args *a, lk_error *err);
lk_status cmd_consent_withdraw(cli_args *a, lk_error *err);
lk_status cmd_consent_show(cli_args *a, lk_error *err);
lk_status cmd_consent_list(cli_args *a, lk_error *err);
lk_status cmd_consent_amend(cli_args *a, lk_error *err);
lk_status cmd_consent_revoke(cli_args *a, lk_error *err);
lk_status cmd_consent_audit(cli_args *a, lk_error *err);
lk_status cmd_consent_log(cli_args *a, lk_error *err);
lk_status cmd_consent_prove(cli_args *a, lk_error *err);
lk_status cmd_consent_checkpoint(cli_args *a, lk_error *err);
lk_status cmd_consent_check(cli_args *a, lk_error *err);
lk_status cmd_consent_witness(cli_args *a, lk_error *err);
lk_status cmd_consent_moved(cli_args *a, lk_error *err);
lk_status cmd_keys_make(cli_args *a, lk_error *err);
lk_status cmd_keys_show(cli_args *a, lk_error *err);
lk_status cmd_keys_import(cli_args *a, lk_error *err);
lk_status cmd_keys_rotate(cli_args *a, lk_error *err);
lk_status cmd_keys_trust(cli_args *a, lk_error *err);
lk_status cmd_keys_tsa(cli_args *a, lk_error *err);
lk_status cmd_import(cli_args *a, lk_error *err);
lk_status cmd_train_swap(cli_args *a, lk_error *err);
lk_status cmd_swap(cli_args *a, lk_error *err);
lk_status cmd_faces(cli_args *a, lk_error *err);
lk_status cmd_model_show(cli_args *a, lk_error *err);
lk_status cmd_model_export(cli_args *a, lk_error *err);
lk_status cmd_model_import(cli_args *a, lk_error *err);
lk_status cmd_trace(cli_args *a, lk_error *err);
lk_status cmd_takedown(cli_args *a, lk_error *err);
lk_status cmd_verify(cli_args *a, lk_error *err);
lk_status cmd_search(cli_args *a, lk_error *err);
lk_status cmd_registry_add(cli_args *a, lk_error *err);
lk_status cmd_registry_list(cli_args *a, lk_error *err);
lk_status cmd_registry_remove(cli_args *a, lk_error *err);
lk_status cmd_doctor(cli_args *a, lk_error *err);
lk_status cmd_bench(cli_args *a, lk_error *err);
lk_status cmd_demo(cli_args *a, lk_error *err);
lk_status cmd_completion(cli_args *a, lk_error *err);
lk_status cmd_manual(cli_args *a, lk_error *err);

#endif
