/* main.c: find the command, parse, open what it needs, run it, say how it ended. */
#include "cli.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static lk_cancel *interrupt_token;
static volatile sig_atomic_t interrupts;

/* The first Ctrl-C asks the job to stop and keep what it has; the third gives up waiting. */
static void on_interrupt(int sig)
{
    if (interrupt_token) lk_cancel_raise(interrupt_token);
    if (++interrupts >= 3) _exit(128 + sig);
}

static void catch_signals(void)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = on_interrupt;
    sa.sa_flags = SA_RESTART;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Compute threads that spin while they wait take the CPU from decoding, encoding and from everything else on the machine
 * (measured on two busy cores: 3 to 7 frames/s spinning, 57 sleeping; alone there is no difference). OpenMP reads the
 * wish only when the process starts, so the process starts once more. */
static void sleep_while_waiting(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || setenv("OMP_WAIT_POLICY", "passive", 1)) return;
    execv("/proc/self/exe", argv); /* when it cannot, things are merely slower */
}

static const char *common_value(const char *const *common, const char *name)
{
    for (int i = 0; i < cli_common_count; i++)
        if (!strcmp(cli_common[i].name, name)) return common[i];
    return NULL;
}

static lk_status open_project(cli_args *a, const char *dir, lk_error *err)
{
    if (!(a->command->flags & (CLI_PROJECT | CLI_PROJECT_CREATE | CLI_PROJECT_MAYBE))) return LK_OK;
    if (!dir) dir = getenv("LIKENESS_PROJECT");
    if (!dir || !*dir) dir = "likeness-project";
    lk_status s = lk_project_open(dir, (a->command->flags & CLI_PROJECT_CREATE) != 0, &a->project, err);
    return s == LK_E_NOTFOUND && (a->command->flags & CLI_PROJECT_MAYBE) ? LK_OK : s;
}

static int run(const cli_command *c, int argc, char **argv)
{
    lk_error err = {0};
    const char *common[CLI_MAX_OPTIONS] = {0};
    cli_args a = {.args = calloc((size_t)argc + 1, sizeof(char *))};
    if (!a.args) return 1;
    lk_status s = cli_parse(c, argc, argv, &a, common, &err);
    if (!s && common_value(common, "help")) {
        cli_help_command(stdout, c);
        free(a.args);
        return 0;
    }
    if (!s && a.arg_count < c->min_args)
        s = cli_usage_error(&err, "likeness %s needs %s; see likeness %s --help", c->name, c->arguments, c->name);
    if (!s && c->max_args >= 0 && a.arg_count > c->max_args)
        s = cli_usage_error(&err, "likeness %s does not take \"%s\"; see likeness %s --help", c->name, a.args[c->max_args], c->name);
    if (s) {
        fprintf(stderr, "likeness: %s\n", err.message);
        free(a.args);
        return 2;
    }
    const char *threads = common_value(common, "threads");
    lk_threads_set(threads ? atoi(threads) : 0);
    a.quiet = common_value(common, "quiet") != NULL;
    a.progress = cli_progress_sink(a.quiet);
    cli_ask_on_terminal();
    a.cancel = interrupt_token = lk_cancel_new();
    if (c->flags & CLI_LONG) catch_signals();
    s = open_project(&a, common_value(common, "project"), &err);
    if (!s) s = c->run(&a, &err);
    cli_progress_end();
    if (s == LK_E_CANCELLED && !*err.message)
        fprintf(stderr, "likeness: stopped; what was finished is kept\n");
    else if (s < 0)
        fprintf(stderr, "likeness: %s\n", *err.message ? err.message : lk_status_name(s));
    if (fflush(stdout) && !s) {
        fprintf(stderr, "likeness: the output could not be written\n");
        s = LK_E_IO;
    }
    lk_project_close(&a.project);
    interrupt_token = NULL;
    lk_cancel_free(a.cancel);
    free(a.args);
    return s ? lk_status_exit_code(s) : a.exit_code;
}

/* Commands whose first word is given but not the rest: "likeness train". */
static bool help_for_group(const char *word)
{
    bool any = false;
    size_t n = strlen(word);
    for (int i = 0; i < cli_command_count; i++) {
        if (strncmp(cli_commands[i].name, word, n) || cli_commands[i].name[n] != ' ') continue;
        if (!any) fprintf(stderr, "likeness: %s what? One of:\n", word);
        fprintf(stderr, "  likeness %-16s %s\n", cli_commands[i].name, cli_commands[i].summary);
        any = true;
    }
    return any;
}

int main(int argc, char **argv)
{
    int used = 0;
    sleep_while_waiting(argv);
    if (argc < 2) {
        cli_help_overview(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("likeness %s\n", lk_version());
        return 0;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        cli_help_overview(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "help")) {
        const cli_command *c = cli_find(argc - 2, argv + 2, &used);
        if (c) cli_help_command(stdout, c);
        else cli_help_overview(stdout);
        return 0;
    }
    const cli_command *c = cli_find(argc - 1, argv + 1, &used);
    if (c) return run(c, argc - 1 - used, argv + 1 + used);
    if (!help_for_group(argv[1]))
        fprintf(stderr, "likeness: there is no command \"%s\"; likeness --help lists them\n", argv[1]);
    return 2;
}
