/* cmd_people.c: subject add/list. */
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
