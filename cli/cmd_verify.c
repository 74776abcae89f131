/* cmd_verify.c: verify: what is known of a file's origin. */
#include "cli.h"

lk_status cmd_verify(cli_args *a, lk_error *err)
{
    lk_verify_job job = {.path = a->args[0], .json = cli_flag(a, "json"), .quick = cli_flag(a, "quick"),
                         .trust = cli_str(a, "trust")};
    return lk_verify_run(a->project, &job, &a->exit_code, cli_line, NULL, a->cancel, &a->progress, err);
}
