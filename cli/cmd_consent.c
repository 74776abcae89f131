/* cmd_consent.c: everything about consent: asking, signing, showing, revoking, proving. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "likeness/consent.h"

/* The rows that grant, request and amend share (cli_terms in commands.c), read in one place. */
static lk_people_terms terms_from(const cli_args *a)
{
    lk_people_terms t = lk_people_terms_defaults();
    const struct { const char *option, **to; } words[] = {
        {"uses", &t.uses},         {"statement", &t.statement}, {"for", &t.project},
        {"territory", &t.territory}, {"pay", &t.pay},           {"forbid", &t.forbid},
        {"duties", &t.duties},     {"grantees", &t.grantees},   {"contact", &t.contact},
        {"age", &t.age},           {"born", &t.born},           {"legal-name", &t.legal_name},
        {"reach", &t.reach},       {"guardians", &t.guardians}, {"estate", &t.estate},
    };
    for (int i = 0; i < CLI_COUNT(words); i++) *words[i].to = cli_str(a, words[i].option);
    const char *days = "days", *quota = "quota";
    t.days = (int)cli_int(a, days);
    t.quota = cli_str(a, quota) ? cli_int(a, quota) : -1;
    return t;
}

static lk_status need(const cli_args *a, const char *option, const char *why, lk_error *err)
{
    const char *value = cli_str(a, option);
    return value && *value ? LK_OK : cli_usage_error(err, "%s", why);
}

lk_status cmd_consent_grant(cli_args *a, lk_error *err)
{
    char record[37];
    lk_people_terms t = terms_from(a);
    lk_status s = need(a, "statement", "say what the footage will be used for: --statement \"my face on ... in ...\"", err);
    if (!s) s = lk_people_sign(a->project, a->args[0], &t, record, err);
    if (s) return s;
    printf("signed record %s for %s: %s, %d days\nthe page for both: likeness consent show %s --text FILE\n"
           "to withdraw it: likeness consent revoke %s\n",
           record, a->args[0], t.uses, t.days, record, record);
    return LK_OK;
}

lk_status cmd_consent_request(cli_args *a, lk_error *err)
{
    char record[37];
    const char *file = cli_str(a, "out");
    lk_people_terms t = terms_from(a);
    lk_status s = need(a, "out", "say where the request goes: --out FILE", err);
    if (!s) s = need(a, "statement", "say what the footage will be used for: --statement \"my face on ... in ...\"", err);
    if (!s) s = lk_people_request(a->project, a->args[0], &t, cli_str(a, "key"), file, record, err);
    if (s) return s;
    printf("wrote %s: record %s, not agreed to yet\nsend it to %s, who signs with: likeness consent sign %s --key KEYFILE\n"
           "and take in what comes back with: likeness consent accept %s.signed\n",
           file, record, a->args[0], file, file);
    return LK_OK;
}

lk_status cmd_consent_amend(cli_args *a, lk_error *err)
{
    const char *file = cli_str(a, "out");
    lk_people_terms t = terms_from(a);
    lk_status s = lk_people_amend(a->project, a->args[0], &t, file, err);
    if (s) return s;
    if (file) printf("wrote %s: a new version of %s, for the person to sign\n", file, a->args[0]);
    else printf("signed a new version of %s; see it with: likeness consent show %s\n", a->args[0], a->args[0]);
    return LK_OK;
}

lk_status cmd_consent_key(cli_args *a, lk_error *err)
{
    char hex[65];
    bool made = false;
    lk_status s = lk_paper_key(a->args[0], &made, hex, err);
    if (s) return s;
    printf("%s %s\nyour public key, to tell others: %s\n", made ? "made" : "read", a->args[0], hex);
    if (made) printf("keep the file to yourself and keep a copy: whoever has it can agree in your name, and no other key can\n");
    return LK_OK;
}

/* A yes typed by a person at a terminal; elsewhere --yes says it. */
static lk_status ask(bool yes, lk_error *err)
{
    char line[16];
    if (yes) return LK_OK;
    if (!isatty(STDIN_FILENO)) return cli_usage_error(err, "nobody is there to say yes; if you have read it and agree, add --yes");
    fflush(stdout);
    fprintf(stderr, "\nDo you agree? Type yes to sign: ");
    if (fgets(line, sizeof line, stdin) && (!strcmp(line, "yes\n") || !strcmp(line, "yes"))) return LK_OK;
    snprintf(err->message, sizeof err->message, "not signed");
    return err->code = LK_E_CANCELLED;
}

lk_status cmd_consent_sign(cli_args *a, lk_error *err)
{
    const char *out = cli_str(a, "out"), *key = cli_str(a, "key");
    size_t room = strlen(a->args[0]) + 8;
    lk_status s = need(a, "key", "say which key signs: --key KEYFILE; make one with: likeness consent key KEYFILE", err);
    if (!s) s = lk_paper_read(a->args[0], cli_line, NULL, err);
    if (!s) s = ask(cli_flag(a, "yes"), err);
    char *beside = malloc(room);
    if (!beside) return LK_E_NOMEM;
    snprintf(beside, room, "%s.signed", a->args[0]);
    if (!out) out = beside;
    if (!s) s = lk_paper_sign(a->args[0], key, out, err);
    if (!s) printf("\nsigned: %s\nsend it back, and keep a copy: with it you can withdraw by your own hand\n", out);
    free(beside);
    return s;
}

lk_status cmd_consent_withdraw(cli_args *a, lk_error *err)
{
    const char *out = cli_str(a, "out");
    lk_status s = need(a, "key", "say which key signs: --key KEYFILE, the one that signed the record", err);
    if (!s) s = need(a, "out", "say where the withdrawal goes: --out FILE", err);
    if (!s) s = lk_paper_withdraw(a->args[0], cli_str(a, "key"), cli_str(a, "reason"), out, err);
    if (!s) printf("wrote %s: send it to the studio, which takes it in with: likeness consent accept %s\n", out, out);
    return s;
}

lk_status cmd_consent_accept(cli_args *a, lk_error *err) { return lk_people_accept(a->project, a->args[0], cli_line, NULL, err); }

lk_status cmd_consent_show(cli_args *a, lk_error *err)
{
    const char *file = cli_str(a, "text");
    lk_status s = lk_people_show(a->project, a->args[0], cli_flag(a, "json"), file, cli_line, NULL, err);
    if (!s && file) printf("wrote %s\n", file);
    return s;
}

lk_status cmd_consent_list(cli_args *a, lk_error *err)
{
    return lk_people_records(a->project, a->arg_count ? a->args[0] : NULL, cli_flag(a, "json"), cli_line, NULL, err);
}

lk_status cmd_consent_revoke(cli_args *a, lk_error *err)
{
    lk_status s = lk_people_revoke(a->project, a->args[0], cli_str(a, "reason"), err);
    if (s) return s;
    printf("revoked %s: training, rendering and model loading that stand on it are refused from now on\n", a->args[0]);
    return LK_OK;
}

lk_status cmd_consent_audit(cli_args *a, lk_error *err)
{
    int64_t rows = 0;
    lk_status s = lk_people_audit(a->project, &rows, err);
    if (s) return s;
    printf("the audit log is whole: %lld rows\n", (long long)rows);
    return LK_OK;
}

lk_status cmd_consent_log(cli_args *a, lk_error *err) { return lk_people_log(a->project, cli_flag(a, "json"), cli_line, NULL, err); }

lk_status cmd_consent_prove(cli_args *a, lk_error *err)
{
    const char *file = cli_str(a, "out");
    lk_status s = lk_people_prove(a->project, a->args[0], file, cli_line, NULL, err);
    if (!s && file) printf("wrote %s: anybody can check it with: likeness consent check %s\n", file, file);
    return s;
}

lk_status cmd_consent_checkpoint(cli_args *a, lk_error *err)
{
    const char *file = cli_str(a, "out");
    lk_status s = lk_people_checkpoint(a->project, cli_str(a, "since"), file, cli_line, NULL, err);
    if (!s && file) printf("wrote %s\n", file);
    return s;
}

lk_status cmd_consent_check(cli_args *a, lk_error *err)
{
    return lk_paper_check(a->args[0], a->arg_count > 1 ? a->args[1] : NULL, cli_str(a, "key"), cli_str(a, "witness"), cli_line, NULL, err);
}

lk_status cmd_consent_witness(cli_args *a, lk_error *err)
{
    const char *file = cli_str(a, "out");
    lk_status s = need(a, "key", "say which key signs: --key KEYFILE; make one with: likeness consent key KEYFILE", err);
    if (!s) s = lk_paper_witness(a->args[0], cli_str(a, "key"), cli_str(a, "name"), file, cli_line, NULL, err);
    if (!s && file) printf("wrote %s\n", file);
    return s;
}

lk_status cmd_consent_moved(cli_args *a, lk_error *err)
{
    lk_status s = lk_people_moved(a->project, err);
    if (!s) printf("noted in the audit log: the project lives here from now on, and nowhere else\n");
    return s;
}
