/* cmd_copies.c: registry add/list/remove, search. */
#include "cli.h"

lk_status cmd_registry_add(cli_args *a, lk_error *err)
{
    lk_copies_job job = {a->args, a->arg_count};
    lk_copies_result r;
    lk_status s = lk_copies_job_add(a->project, &job, &r, cli_line, NULL, a->cancel, &a->progress, err);
    cli_progress_end();
    if (r.files && !a->quiet)
        printf("%lld of %lld files registered (%.0f s of clips and sound), %lld were already, %lld skipped, in %.1f s\n", (long long)r.added,
               (long long)r.files, r.clip_seconds, (long long)r.known, (long long)r.skipped, r.seconds);
    return s;
}

lk_status cmd_registry_list(cli_args *a, lk_error *err)
{
    return lk_copies_job_list(a->project, cli_flag(a, "json"), cli_line, NULL, err);
}

lk_status cmd_registry_remove(cli_args *a, lk_error *err) { return lk_copies_job_remove(a->project, a->args[0], cli_line, NULL, err); }

lk_status cmd_search(cli_args *a, lk_error *err)
{
    return lk_copies_job_search(a->project, a->args[0], cli_flag(a, "json"), NULL, cli_line, NULL, a->cancel, &a->progress, err);
}
