/* cmd_lineage.c: trace, takedown, subject outputs, subject erase, model export, model import. */
#include "cli.h"

#include "likeness/lineage.h"

lk_status cmd_trace(cli_args *a, lk_error *err)
{
    lk_trace_job job = {.what = a->args[0], .json = cli_flag(a, "json"), .picture = cli_str(a, "picture")};
    return lk_trace_run(a->project, &job, cli_line, NULL, a->cancel, &a->progress, err);
}

lk_status cmd_takedown(cli_args *a, lk_error *err)
{
    lk_takedown_job job = {.path = a->args[0], .report = cli_str(a, "out"), .trust = cli_str(a, "trust")};
    return lk_takedown_run(a->project, &job, &a->exit_code, cli_line, NULL, a->cancel, &a->progress, err);
}

lk_status cmd_subject_outputs(cli_args *a, lk_error *err)
{
    return lk_people_outputs(a->project, a->args[0], cli_flag(a, "json"), cli_line, NULL, err);
}

lk_status cmd_subject_erase(cli_args *a, lk_error *err)
{
    lk_erase_result r;
    if (!cli_flag(a, "yes"))
        return cli_usage_error(err, "this revokes every consent of %s and removes their datasets, models, checkpoints and keys for good; "
                               "say --yes if that is wanted", a->args[0]);
    lk_status s = lk_people_erase(a->project, a->args[0], cli_flag(a, "outputs"), &r, cli_line, NULL, err);
    if (s) return s;
    printf("erased %s%s: %lld files removed, keys destroyed; the log keeps ids and hashes\n", a->args[0],
           r.resumed ? " (begun before)" : "", (long long)r.removed);
    if (r.left)
        printf("%lld made clips and pictures are still there (above)%s\n", (long long)r.left,
               cli_flag(a, "outputs") ? ": they lie outside the project" : "; with --outputs those inside the project go too");
    return LK_OK;
}

lk_status cmd_model_export(cli_args *a, lk_error *err)
{
    const char *out = cli_str(a, "out"), *to = cli_str(a, "to");
    if (!out) return cli_usage_error(err, "name the file: --out FILE");
    lk_status s = lk_model_export(a->project, a->args[0], out, to, err);
    if (s) return s;
    if (to) printf("exported %s with its key sealed to that studio; what is revoked here later cannot be destroyed there\n", out);
    else printf("exported %s; it opens only in this project, which holds its key, and while consent stands\n", out);
    return LK_OK;
}

lk_status cmd_model_import(cli_args *a, lk_error *err)
{
    char path[1024];
    lk_status s = lk_model_import(a->project, a->args[0], cli_str(a, "name"), path, err);
    if (s) return s;
    printf("imported %s\n", path);
    return LK_OK;
}
