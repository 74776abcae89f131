/* cmd_keys.c: keys make, show, import, rotate, trust, tsa; and asking for a passphrase on the terminal. */
#include "cli.h"

#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* --- asking ------------------------------------------------------------------------------------------ */

/* One line without echo. Ctrl-C comes as a letter, so that the terminal is always put back as it was. */
static bool read_hidden(int tty, const char *prompt, char out[1024])
{
    struct termios was, hidden;
    char c = 0;
    size_t n = 0;
    if (tcgetattr(tty, &was) != 0) return false;
    hidden = was;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    if (tcsetattr(tty, TCSAFLUSH, &hidden) != 0) return false;
    bool ok = write(tty, prompt, strlen(prompt)) > 0;
    while (ok && read(tty, &c, 1) == 1 && c != '\n') {
        if (c == 3) ok = false;
        else if (n < 1023) out[n++] = c;
    }
    out[n] = 0;
    if (write(tty, "\n", 1) != 1) ok = false;
    tcsetattr(tty, TCSAFLUSH, &was);
    return ok && c == '\n' && n > 0;
}

static bool ask_on_terminal(void *user, const char *what, bool again, char out[1024])
{
    char prompt[1200], twice[1024];
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    (void)user;
    if (tty < 0) return false;
    cli_progress_end();
    snprintf(prompt, sizeof prompt, "%s: ", what);
    bool ok = read_hidden(tty, prompt, out);
    if (ok && again) {
        ok = read_hidden(tty, "once more: ", twice) && !strcmp(out, twice);
        memset(twice, 0, sizeof twice);
        if (!ok) fprintf(stderr, "likeness: the two differ\n");
    }
    close(tty);
    return ok;
}

void cli_ask_on_terminal(void) { lk_ask_with(ask_on_terminal, NULL); }

/* --- the commands -------------------------------------------------------------------------------------- */

/* The project's identity, or with --user the user's own. */
static lk_status whose(const cli_args *a, bool user, lk_project **p, lk_error *err)
{
    *p = user ? NULL : a->project;
    if (user || a->project) return LK_OK;
    snprintf(err->message, sizeof err->message,
             "there is no project here; begin one with: likeness subject add NAME, name it with --project, "
             "or say --user for the keys "
             "of all your projects");
    return err->code = LK_E_NOTFOUND;
}

lk_status cmd_keys_show(cli_args *a, lk_error *err)
{
    lk_project *p;
    lk_status s = whose(a, cli_flag(a, "user"), &p, err);
    return s ? s : lk_signing_show(p, cli_line, NULL, err);
}

lk_status cmd_keys_make(cli_args *a, lk_error *err)
{
    lk_project *p;
    lk_signing_job job = lk_signing_defaults();
    job.name = cli_str(a, "name");
    job.organization = cli_str(a, "organization");
    job.country = cli_str(a, "country");
    job.algorithm = cli_str(a, "algorithm");
    job.days = (int)cli_int(a, "days");
    job.passphrase_file = cli_str(a, "passphrase-file");
    job.ask = cli_flag(a, "ask");
    job.replace = cli_flag(a, "replace");
    if (!job.name || !*job.name) return cli_usage_error(err, "say who signs: --name \"Studio X\"");
    lk_status s = whose(a, cli_flag(a, "user"), &p, err);
    if (!s) s = lk_signing_make(p, &job, err);
    return s ? s : lk_signing_show(p, cli_line, NULL, err);
}

lk_status cmd_keys_import(cli_args *a, lk_error *err)
{
    lk_project *p;
    lk_signing_job job = lk_signing_defaults();
    job.passphrase_file = cli_str(a, "passphrase-file");
    job.key_passphrase_file = cli_str(a, "key-passphrase-file");
    job.ask = cli_flag(a, "ask");
    job.replace = cli_flag(a, "replace");
    lk_status s = whose(a, cli_flag(a, "user"), &p, err);
    if (!s) s = lk_signing_import(p, a->args[0], a->args[1], &job, err);
    return s ? s : lk_signing_show(p, cli_line, NULL, err);
}

lk_status cmd_keys_rotate(cli_args *a, lk_error *err)
{
    lk_project *p;
    lk_signing_job job = lk_signing_defaults();
    job.days = (int)cli_int(a, "days");
    job.passphrase_file = cli_str(a, "passphrase-file");
    lk_status s = whose(a, cli_flag(a, "user"), &p, err);
    if (!s) s = lk_signing_rotate(p, &job, err);
    return s ? s : lk_signing_show(p, cli_line, NULL, err);
}

lk_status cmd_keys_trust(cli_args *a, lk_error *err)
{
    lk_project *p;
    int count = 0;
    lk_status s = whose(a, cli_flag(a, "user"), &p, err);
    if (!s) s = lk_signing_trust(p, a->args[0], &count, err);
    if (s) return s;
    printf("trusted from now on: %d issuer%s from %s\n", count, count == 1 ? "" : "s", a->args[0]);
    return LK_OK;
}

lk_status cmd_keys_tsa(cli_args *a, lk_error *err)
{
    lk_project *p;
    bool off = !strcmp(a->args[0], "off");
    lk_status s = whose(a, cli_flag(a, "user"), &p, err);
    if (!s) s = lk_signing_tsa(p, off ? NULL : a->args[0], err);
    if (s) return s;
    if (off) printf("time stamps are off: nothing goes over the network\n");
    else printf("every signing asks %s for the time; it sees a hash, never the file\n", a->args[0]);
    return LK_OK;
}
