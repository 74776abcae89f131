/* test_table.c: the command table against everything that is read off it: help,
 * man page, completion, parser, and the functions that ask for its rows. A new
 * command or option is tested by being a row. */
#include <ctype.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "cli.h"
#include "tempdir.h"

static char program[400];

/* What a writer of the cli writes, as a string to free. */
typedef void (*writer)(FILE *out, const void *arg);
static char *written(writer w, const void *arg)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f) abort();
    w(f, arg);
    fclose(f);
    return text;
}

static void write_help(FILE *out, const void *c) { cli_help_command(out, c); }
static void write_overview(FILE *out, const void *none) { (void)none; cli_help_overview(out); }
static void write_manual(FILE *out, const void *none) { (void)none; cli_man_page(out); }
static void write_completion(FILE *out, const void *shell) { CHECK(cli_completion(out, shell), "%s", (const char *)shell); }

/* Run `likeness ARGS`, both outputs in `said` (cut at its end); the exit status, -1 when it ended otherwise. */
static char said[65536];
static int run(const char *fmt, ...)
{
    char args[1024], command[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(args, sizeof args, fmt, ap);
    va_end(ap);
    snprintf(command, sizeof command, "cd '%s' && '%s' %s 2>&1", tempdir, program, args);
    FILE *f = popen(command, "r");
    if (!f) return -1;
    size_t n = fread(said, 1, sizeof said - 1, f);
    said[n] = 0;
    int rc = pclose(f);
    return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}

/* The word stands in the text, not as a part of a longer one. */
static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = text; (p = strstr(p, word)); p++)
        if (!isalnum((unsigned char)p[n]) && p[n] != '-' && p[n] != '_') return true;
    return false;
}

static void table_is_whole(void)
{
    CHECK(cli_command_count > 10, "%d", cli_command_count);
    for (int i = 0; i < cli_command_count; i++) {
        const cli_command *c = &cli_commands[i];
        CHECK(c->summary && strlen(c->summary) > 10 && strlen(c->summary) < 80, "%s", c->name);
        CHECK(c->group && *c->group && c->run && c->arguments, "%s", c->name);
        CHECK(c->option_count <= CLI_MAX_OPTIONS, "%s", c->name);
        CHECK(c->max_args < 0 || c->min_args <= c->max_args, "%s", c->name);
        CHECK((c->max_args == 0) == !*c->arguments, "%s", c->name);
        for (int j = 0; j < i; j++) CHECK(strcmp(c->name, cli_commands[j].name), "%s is there twice", c->name);
        for (int k = 0; k < c->option_count; k++) {
            const cli_option *o = &c->options[k];
            CHECK(o->name && o->help && strlen(o->help) > 5, "%s option %d", c->name, k);
            CHECK((o->kind == CLI_FLAG) == (o->value == NULL), "%s --%s", c->name, o->name);
            CHECK(o->kind != CLI_CHOICE || strchr(o->value, '|'), "%s --%s", c->name, o->name);
            if (o->kind == CLI_INT || o->kind == CLI_REAL) CHECK(o->min < o->max, "%s --%s", c->name, o->name);
            for (int m = 0; m < c->option_count + cli_common_count; m++) {
                const cli_option *other = m < c->option_count ? &c->options[m] : &cli_common[m - c->option_count];
                if (other == o) continue;
                CHECK(strcmp(other->name, o->name), "%s --%s is there twice", c->name, o->name);
                CHECK(!o->letter || o->letter != other->letter, "%s -%c is --%s and --%s", c->name, o->letter, o->name, other->name);
            }
        }
    }
}

/* A default is a value that the parser itself would take. */
static void defaults_pass_the_parser(void)
{
    for (int i = 0; i < cli_command_count; i++)
        for (int k = 0; k < cli_commands[i].option_count; k++) {
            const cli_option *o = &cli_commands[i].options[k];
            if (!o->fallback) continue;
            char word[512];
            snprintf(word, sizeof word, "--%s=%s", o->name, o->fallback);
            char *argv[] = {word};
            const char *common[CLI_MAX_OPTIONS], *args[2];
            cli_args a = {.args = args};
            lk_error err = {0};
            CHECK_OK(cli_parse(&cli_commands[i], 1, argv, &a, common, &err), &err);
            CHECK_STR(a.text[k], o->fallback);
        }
}

static void help_names_every_option(void)
{
    char *overview = written(write_overview, NULL);
    for (int i = 0; i < cli_command_count; i++) {
        const cli_command *c = &cli_commands[i];
        char *help = written(write_help, c), head[300];
        CHECK(strstr(overview, c->summary) && has_word(overview, c->name), "%s is not in the overview", c->name);
        CHECK(strstr(help, c->summary), "%s", c->name);
        for (int k = 0; k < c->option_count + cli_common_count; k++) {
            const cli_option *o = k < c->option_count ? &c->options[k] : &cli_common[k - c->option_count];
            snprintf(head, sizeof head, "--%s", o->name);
            CHECK(has_word(help, head), "%s --help lacks %s", c->name, head);
            if (o->value) CHECK(strstr(help, o->value), "%s --help lacks the value of %s", c->name, head);
        }
        for (char *line = help; *line; line += strcspn(line, "\n"), line += *line == '\n')
            CHECK((int)strcspn(line, "\n") <= 120, "%s --help has a line of %d", c->name, (int)strcspn(line, "\n"));
        CHECK_INT(run("%s --help", c->name), 0);
        CHECK_STR(said, help);
        CHECK_INT(run("help %s", c->name), 0);
        CHECK_STR(said, help);
        free(help);
    }
    free(overview);
}

/* The manual with its escapes taken out, as a reader of the page sees it. */
static void manual_names_everything(void)
{
    char *manual = written(write_manual, NULL), *plain = malloc(strlen(manual) + 1), *w = plain;
    for (const char *p = manual; *p; p++)
        if (*p != '\\') *w++ = *p;
    *w = 0;
    for (int i = 0; i < cli_command_count; i++) {
        const cli_command *c = &cli_commands[i];
        char head[300];
        snprintf(head, sizeof head, ".SS \"likeness %s ", c->name);
        char *at = strstr(plain, head);
        CHECK(at, "the manual lacks %s", c->name);
        if (!at) continue;
        char *next = strstr(at + 4, "\n.S");
        if (next) *next = 0; /* only this command's part */
        for (int k = 0; k < c->option_count; k++) {
            snprintf(head, sizeof head, "--%s", c->options[k].name);
            CHECK(has_word(at, head), "the manual of %s lacks %s", c->name, head);
        }
        if (next) *next = '\n';
    }
    for (int k = 0; k < cli_common_count; k++) {
        char head[100];
        snprintf(head, sizeof head, "--%s", cli_common[k].name);
        CHECK(has_word(plain, head), "the manual lacks %s", head);
    }
    for (int code = 0; code <= 6; code++) {
        char text[8];
        snprintf(text, sizeof text, "%d ", code);
        CHECK(strstr(strstr(plain, "EXIT STATUS"), text), "the manual lacks exit status %d", code);
    }
    CHECK_INT(run("manual"), 0);
    CHECK_STR(said, manual);
    free(manual);
    free(plain);
}

static void completion_names_everything(void)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    for (int s = 0; s < 3; s++) {
        char *text = written(write_completion, shells[s]);
        for (int i = 0; i < cli_command_count; i++) {
            const cli_command *c = &cli_commands[i];
            char word[100];
            snprintf(word, sizeof word, "%.*s", (int)strcspn(c->name, " "), c->name);
            CHECK(has_word(text, word), "%s completion lacks %s", shells[s], word);
            if (strchr(c->name, ' ')) CHECK(has_word(text, strchr(c->name, ' ') + 1), "%s completion lacks %s", shells[s], c->name);
            for (int k = 0; k < c->option_count; k++) {
                snprintf(word, sizeof word, s == 2 ? "-l %s" : "--%s", c->options[k].name);
                CHECK(has_word(text, word), "%s completion of %s lacks %s", shells[s], c->name, word);
            }
        }
        free(text);
        CHECK_INT(run("completion %s", shells[s]), 0);
    }
    CHECK_INT(run("completion tcsh"), 2);
}

/* The script is not only there, it completes: commands, second words, options, choices. */
static void bash_completes(void)
{
    static const struct { const char *line, *wants; } cases[] = {
        {"likeness de", "demo"}, {"likeness train s", "swap"}, {"likeness consent re", "revoke"},
        {"likeness import --max", "--max-samples"}, {"likeness train swap --si", "--size"},
        {"likeness train swap --size 1", "128"}, {"likeness swap --qu", "--quiet"}, {"likeness model show --j", "--json"},
    };
    if (system("bash -c true >/dev/null 2>&1")) SKIP("there is no bash");
    char command[2048];
    snprintf(command, sizeof command, "'%s' completion bash > '%s' && bash -n '%s'", program, in_tempdir("complete.sh"),
             in_tempdir("complete.sh"));
    CHECK_INT(system(command), 0);
    for (int i = 0; i < CLI_COUNT(cases); i++) {
        snprintf(command, sizeof command,
                 "bash -c '. \"%s\"; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _likeness; echo \" ${COMPREPLY[*]} \"'",
                 in_tempdir("complete.sh"), cases[i].line);
        char answer[4096] = "", want[100];
        FILE *f = popen(command, "r");
        if (f && !fgets(answer, sizeof answer, f)) *answer = 0;
        if (f) pclose(f);
        snprintf(want, sizeof want, " %s ", cases[i].wants);
        CHECK(strstr(answer, want), "\"%s\" completes to \"%s\", wanted %s", cases[i].line, answer, cases[i].wants);
    }
}

/* Arguments that satisfy a command's count. */
static const char *words(int n)
{
    static const char *const some[] = {"", "x", "x y", "x y z", "x y z w"};
    return some[n];
}

static void wrong_usage_exits_2(void)
{
    CHECK_INT(run("%s", ""), 2);
    CHECK_INT(run("frobnicate"), 2);
    CHECK(strstr(said, "frobnicate") && strstr(said, "--help"), "%s", said);
    CHECK_INT(run("train"), 2);
    CHECK(strstr(said, "train swap"), "%s", said);
    CHECK_INT(run("--version"), 0);
    CHECK(strstr(said, lk_version()), "%s", said);
    for (int i = 0; i < cli_command_count; i++) {
        const cli_command *c = &cli_commands[i];
        const char *enough = words(c->min_args);
        CHECK_INT(run("%s %s --frobnicate", c->name, enough), 2);
        CHECK(strstr(said, "--frobnicate") && strstr(said, "--help"), "%s", said);
        CHECK_INT(run("%s %s --quiet=yes", c->name, enough), 2);
        CHECK_INT(run("%s %s --threads 0", c->name, enough), 2);
        if (c->min_args > 0) CHECK_INT(run("%s", c->name), 2);
        if (c->max_args >= 0) {
            CHECK_INT(run("%s %s", c->name, words(c->max_args + 1)), 2);
            CHECK(strstr(said, "does not take"), "%s", said);
        }
    }
    CHECK_INT(count_entries(tempdir), 1); /* complete.sh: a wrong call writes nothing */
}

/* Wrong values of every option, through the parser itself. */
static lk_status parse_one(const cli_command *c, char *first, char *second, lk_error *err)
{
    char *argv[] = {first, second};
    const char *common[CLI_MAX_OPTIONS], *args[3];
    cli_args a = {.args = args};
    memset(err, 0, sizeof *err);
    return cli_parse(c, second ? 2 : 1, argv, &a, common, err);
}

static void wrong_values_are_refused(void)
{
    for (int i = 0; i < cli_command_count; i++)
        for (int k = 0; k < cli_commands[i].option_count + cli_common_count; k++) {
            const cli_command *c = &cli_commands[i];
            const cli_option *o = k < c->option_count ? &c->options[k] : &cli_common[k - c->option_count];
            char name[100], value[64];
            lk_error err;
            snprintf(name, sizeof name, "--%s", o->name);
#define REFUSED(text) do { snprintf(value, sizeof value, "%s", text); CHECK_STATUS(parse_one(c, name, value, &err), LK_E_ARG, &err); \
                           CHECK(strstr(err.message, o->name), "%s", err.message); } while (0)
            if (o->kind == CLI_FLAG) continue;
            CHECK_STATUS(parse_one(c, name, NULL, &err), LK_E_ARG, &err);
            CHECK(strstr(err.message, o->name) && strstr(err.message, o->value), "%s", err.message);
            if (o->kind == CLI_CHOICE) {
                REFUSED("frobnicate");
                REFUSED("");
                REFUSED(o->value); /* the whole list is none of its items */
            }
            if (o->kind != CLI_INT && o->kind != CLI_REAL) continue;
            char past[64];
            REFUSED("");
            REFUSED("seven");
            REFUSED("7x");
            REFUSED("nan");
            REFUSED("inf");
            REFUSED("1e999");
            REFUSED("99999999999999999999999");
            if (o->kind == CLI_INT) REFUSED("1.5");
            snprintf(past, sizeof past, o->kind == CLI_INT ? "%.0f" : "%.6f", o->min - 1);
            REFUSED(past);
            snprintf(past, sizeof past, o->kind == CLI_INT ? "%.0f" : "%.6f", o->max + 1);
            REFUSED(past);
            snprintf(past, sizeof past, o->kind == CLI_INT ? "%.0f" : "%.6f", o->max);
            snprintf(value, sizeof value, "%s", past);
            CHECK_OK(parse_one(c, name, value, &err), &err);
        }
}

/* The functions ask for rows by name: read the names off the sources and hold them against the table, both ways. */
static void functions_and_rows_agree(void)
{
    static const char *const files[] = {"cmd_people.c", "cmd_consent.c", "cmd_verify.c", "cmd_copies.c", "cmd_lineage.c", "cmd_keys.c", "cmd_make.c", "cmd_tools.c"};
    static bool asked[64][CLI_MAX_OPTIONS];
    CHECK(cli_command_count <= 64, "%d", cli_command_count);
    memset(asked, 0, sizeof asked);
    int found = 0;
    for (int f = 0; f < CLI_COUNT(files); f++) {
        char path[1024], line[1024];
        const cli_command *c = NULL;
        snprintf(path, sizeof path, "%s/cli/%s", LK_SOURCE_DIR, files[f]);
        FILE *in = fopen(path, "r");
        CHECK(in, "%s", path);
        if (!in) return;
        while (fgets(line, sizeof line, in)) {
            char name[100];
            if (sscanf(line, "lk_status cmd_%99[a-z_](", name) == 1) {
                for (char *p = name; *p; p++) if (*p == '_') *p = ' ';
                c = NULL;
                for (int i = 0; i < cli_command_count; i++)
                    if (!strcmp(cli_commands[i].name, name)) c = &cli_commands[i];
                CHECK(c, "cmd_%s has no row", name);
            }
            if (strstr(line, "= terms_from(a)")) /* asks for every row that those commands share */
                for (int t = 0; t < cli_terms_count; t++)
                    for (int k = 0; c && k < c->option_count; k++)
                        if (!strcmp(c->options[k].name, cli_terms[t].name)) asked[c - cli_commands][k] = true;
            for (char *p = line; (p = strstr(p, "cli_")); p++) {
                if (sscanf(p, "cli_%*[a-z](a, \"%99[^\"]", name) != 1) continue;
                found++;
                bool row = false;
                for (int k = 0; c && k < c->option_count; k++)
                    if (!strcmp(c->options[k].name, name)) row = asked[c - cli_commands][k] = true;
                CHECK(row, "%s asks for --%s, which is no row of its", c ? c->name : "(nobody)", name);
            }
        }
        fclose(in);
    }
    CHECK(found > 30, "only %d questions were found: the reading of the sources is broken", found);
    for (int i = 0; i < cli_command_count; i++)
        for (int k = 0; k < cli_commands[i].option_count; k++)
            CHECK(asked[i][k], "nobody asks for --%s of %s", cli_commands[i].options[k].name, cli_commands[i].name);
}

/* Every command without a project and with as little as it takes: a refusal of the right kind that says what to do. */
static void every_command_runs(void)
{
    static const struct { const char *args; int rc; const char *says; } cases[] = {
        {"subject list", 6, "subject add"},
        {"subject enroll ada", 6, "subject add"},
        {"subject enrolled", 6, "subject add"},
        {"subject protect ada x.mp4", 6, "subject add"},
        {"subject unprotect ada", 6, "subject add"},
        {"consent grant ada -s x", 6, "subject add"},
        {"consent grant ada", 6, "subject add"},
        {"consent list", 6, "subject add"},
        {"consent revoke 5f0c", 6, "subject add"},
        {"consent audit", 6, "subject add"},
        {"consent request ada -s x -o r", 6, "subject add"},
        {"consent accept x", 6, "subject add"},
        {"consent show 5f0c", 6, "subject add"},
        {"consent amend 5f0c", 6, "subject add"},
        {"consent log", 6, "subject add"},
        {"consent prove 5f0c", 6, "subject add"},
        {"consent checkpoint", 6, "subject add"},
        {"consent moved", 6, "subject add"},
        {"consent sign absent.request", 2, "--key"},
        {"consent sign absent.request --key k --yes", 6, "absent.request"},
        {"consent withdraw absent.signed", 2, "--key"},
        {"consent withdraw absent.signed --key k", 2, "--out"},
        {"consent withdraw absent.signed --key k --out o", 6, "absent.signed"},
        {"consent check absent.json", 6, "absent.json"},
        {"consent witness absent.note", 2, "--key"},
        {"consent witness absent.note --key k", 6, "absent.note"},
        {"consent key /nonexistent/deeper", 6, "/nonexistent/deeper"},
        {"import x.mp4 -s ada", 6, "subject add"},
        {"train swap -f ada -o bob", 6, "subject add"},
        {"swap x.mp4 -m m -o y.mp4", 6, "subject add"},
        {"faces x.mp4", 6, "x.mp4"},
        {"faces x.mp4 --no-json", 2, "--picture"},
        {"model show m", 6, "train swap"},
        {"keys show", 6, "subject add"},
        {"keys make --name X", 6, "--user"},
        {"keys make", 2, "--name"},
        {"keys rotate", 6, "--user"},
        {"keys rotate --user", 6, "keys make"},
        {"keys show --user", 0, "keys make"},
        {"keys trust x.pem", 6, "--user"},
        {"keys trust x.pem --user", 6, "x.pem"},
        {"keys import x.pem y.pem --user", 6, "x.pem"},
        {"keys tsa ftp://x --user", 2, "http://"},
        {"bench frobnicate", 2, "frobnicate"},
        {"demo --dir /nonexistent/deeper", 2, "--dir"},
        {"bench", 0, "swap"},
        /* and with one */
        {"subject add ada", 0, "consent grant"},
        {"subject add ada", 1, "another name"},
        {"subject add ''", 2, "name"},
        {"subject list", 0, "ada"},
        {"subject enroll ada", 0, "turn your head"},
        {"subject enroll eve", 6, "subject add"},
        {"subject enroll ada --minutes 0", 2, "--minutes"},
        {"subject enroll ada absent.mp4", 6, "absent.mp4"},
        {"subject enrolled", 0, "nobody yet"},
        {"subject protect nora absent.jpg", 6, "absent.jpg"},
        {"subject unprotect nora", 6, "nora"},
        {"consent list", 0, "consent grant"},
        {"consent list eve", 6, "eve"},
        {"consent grant ada", 2, "--statement"},
        {"consent grant ada -s x -u frobnicate", 2, "frobnicate"},
        {"consent grant eve -s x", 6, "eve"},
        {"consent revoke 5f0c", 6, "5f0c"},
        {"consent audit", 0, "whole"},
        {"consent request ada", 2, "--out"},
        {"consent request ada -o r", 2, "--statement"},
        {"consent request ada -o r -s x --key 12", 2, "64 hex digits"},
        {"consent grant ada -s x --age minor", 3, "--born"},
        {"consent grant ada -s x --born 2001-02-29", 2, "YYYY-MM-DD"},
        {"consent grant ada -s x --duties loud", 2, "loud"},
        {"consent accept absent.signed", 6, "absent.signed"},
        {"consent show 5f0c", 6, "5f0c"},
        {"consent amend 5f0c", 6, "5f0c"},
        {"consent log", 0, "ada was added"},
        {"consent prove 5f0c", 6, "5f0c"},
        {"consent prove 999", 2, "rows 1 to"},
        {"consent checkpoint", 0, "likeness/consent/"},
        {"consent checkpoint --since absent.note", 6, "absent.note"},
        {"consent moved", 0, "noted"},
        {"keys show", 0, "demo key"},
        {"keys rotate", 6, "keys make"},
        {"keys make --name Studio --country DEU", 2, "two letters"},
        {"keys make --name 'Likeness DEMO key'", 2, "name of your studio"},
        {"keys make --name Studio --days 9", 0, "signs as      Studio"},
        {"keys make --name Studio", 1, "keys rotate"},
        {"keys rotate --days 99", 0, "more days"},
        {"keys show", 0, "random, in"},
        {"keys tsa http://127.0.0.1/tsr", 0, "never the file"},
        {"keys tsa off", 0, "nothing goes"},
        {"import x.mp4", 2, "--subject"},
        {"import x.mp4 -s eve", 3, "subject add"},
        {"import x.mp4 -s ada", 3, "consent grant"},
        {"train swap", 2, "--from"},
        {"train swap -f ada -o ada", 3, "consent grant"},
        {"swap x.mp4 -o y.mp4", 2, "--model"},
        {"swap x.mp4 -m m", 2, "--output"},
        {"swap x.mp4 -m m -o y.mp4", 6, "train swap"},
    };
    for (int i = 0; i < CLI_COUNT(cases); i++) {
        int rc = run("%s", cases[i].args);
        CHECK(rc == cases[i].rc, "likeness %s: %d, wanted %d: %s", cases[i].args, rc, cases[i].rc, said);
        CHECK(strstr(said, cases[i].says), "likeness %s does not say \"%s\": %s", cases[i].args, cases[i].says, said);
    }
}

static const check_test tests[] = {
    {"table_is_whole", table_is_whole},
    {"defaults_pass_the_parser", defaults_pass_the_parser},
    {"help_names_every_option", help_names_every_option},
    {"manual_names_everything", manual_names_everything},
    {"completion_names_everything", completion_names_everything},
    {"bash_completes", bash_completes},
    {"wrong_usage_exits_2", wrong_usage_exits_2},
    {"wrong_values_are_refused", wrong_values_are_refused},
    {"functions_and_rows_agree", functions_and_rows_agree},
    {"every_command_runs", every_command_runs},
};

/* test_table PROGRAM [TEST] */
int main(int argc, char **argv)
{
    /* The tests leave this folder, so the way to the program must be whole. */
    char *whole = argc > 1 ? realpath(argv[1], NULL) : NULL;
    if (!whole || strlen(whole) >= sizeof program) {
        fprintf(stderr, "usage: test_table LIKENESS [TEST]\n");
        return 2;
    }
    strcpy(program, whole);
    free(whole);
    unsetenv("LIKENESS_PROJECT");
    unsetenv("LIKENESS_PASSPHRASE_FILE");
    tempdir_make("table");
    setenv("XDG_CONFIG_HOME", in_tempdir("config"), 1);
    return tempdir_remove(check_main(argc - 1, argv + 1, tests, CLI_COUNT(tests)));
}
