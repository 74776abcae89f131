/* cmd_people.c: subject add, list, enroll, enrolled, protect, unprotect. */
#include "cli.h"

lk_status cmd_subject_add(cli_args *a, lk_error *err)
{
    char id[37];
    lk_status s = lk_people_add(a->project, a->args[0], cli_flag(a, "synthetic"), id, err);
    if (s) return s;
    printf("added %s (%s)\nnext: likeness subject enroll \"%s\"\n      likeness consent grant \"%s\" --statement \"...\"\n", a->args[0], id, a->args[0],
           a->args[0]);
    return LK_OK;
}

lk_status cmd_subject_list(cli_args *a, lk_error *err) { return lk_people_list(a->project, cli_line, NULL, err); }

/* The line of progress makes room for each line that is said. */
static void say(void *user, const char *line)
{
    cli_progress_end();
    cli_line(user, line);
}

lk_status cmd_subject_enroll(cli_args *a, lk_error *err)
{
    if (a->arg_count == 1) return lk_people_challenge(a->project, a->args[0], (int)cli_int(a, "minutes"), cli_line, NULL, err);
    lk_enroll_job job = {.subject = a->args[0], .clip = a->args[1], .no_challenge = cli_flag(a, "no-challenge"), .reviewer = cli_str(a, "review")};
    return lk_people_enroll(a->project, &job, say, NULL, a->cancel, &a->progress, err);
}

lk_status cmd_subject_enrolled(cli_args *a, lk_error *err) { return lk_people_enrolled(a->project, cli_line, NULL, err); }

lk_status cmd_subject_protect(cli_args *a, lk_error *err)
{
    return lk_people_protect(a->project, a->args[0], a->args[1], say, NULL, a->cancel, &a->progress, err);
}

lk_status cmd_subject_unprotect(cli_args *a, lk_error *err)
{
    lk_status s = lk_people_unprotect(a->project, a->args[0], err);
    if (s) return s;
    printf("%s is off the list\n", a->args[0]);
    return LK_OK;
}
