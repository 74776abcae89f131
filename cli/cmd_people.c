/* cmd_people.c: subject add/list, consent grant/list/revoke/audit. */
#include "cli.h"

lk_status cmd_subject_add(cli_args *a, lk_error *err)
{
    char id[37];
    lk_status s = lk_people_add(a->project, a->args[0], cli_flag(a, "synthetic"), id, err);
    if (s) return s;
    printf("added %s (%s)\nnext: likeness consent grant \"%s\" --statement \"...\"\n", a->args[0], id, a->args[0]);
    return LK_OK;
}

lk_status cmd_subject_list(cli_args *a, lk_error *err) { return lk_people_list(a->project, cli_line, NULL, err); }

lk_status cmd_consent_grant(cli_args *a, lk_error *err)
{
    char record[37];
    const char *statement = cli_str(a, "statement");
    if (!statement || !*statement)
        return cli_usage_error(err, "say what the footage will be used for: --statement \"my face on ... in ...\"");
    lk_status s = lk_people_consent(a->project, a->args[0], cli_str(a, "uses"), (int)cli_int(a, "days"), statement, record, err);
    if (s) return s;
    printf("signed record %s for %s: %s, %s days\nto withdraw it: likeness consent revoke %s\n", record, a->args[0],
           cli_str(a, "uses"), cli_str(a, "days"), record);
    return LK_OK;
}

lk_status cmd_consent_list(cli_args *a, lk_error *err)
{
    return lk_people_consents(a->project, a->arg_count ? a->args[0] : NULL, cli_line, NULL, err);
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
