/* status.c: names and exit codes of the statuses, one row each. */
#include "base/base.h"

static const struct status_row {
    lk_status status;
    int exit_code; /* 0 done, 1 failed, 2 usage, 3 refused, 4 unmarked, 5 cancelled, 6 bad input */
    const char *name;
} rows[] = {
    {LK_END, 0, "end"},
    {LK_OK, 0, "ok"},
    {LK_E_NOMEM, 1, "no memory"},
    {LK_E_IO, 1, "input/output"},
    {LK_E_FORMAT, 6, "format"},
    {LK_E_ARG, 2, "argument"},
    {LK_E_STATE, 1, "state"},
    {LK_E_RANGE, 2, "range"},
    {LK_E_UNSUPPORTED, 6, "unsupported"},
    {LK_E_CANCELLED, 5, "cancelled"},
    {LK_E_CONSENT, 3, "consent"},
    {LK_E_MARK, 4, "mark"},
    {LK_E_NOTFOUND, 6, "not found"},
    {LK_E_BUG, 1, "bug"},
};

static const struct status_row *find(lk_status status)
{
    for (size_t i = 0; i < LK_COUNT(rows); i++)
        if (rows[i].status == status) return &rows[i];
    return NULL;
}

int lk_status_exit_code(lk_status status)
{
    const struct status_row *row = find(status);
    return row ? row->exit_code : 1;
}

const char *lk_status_name(lk_status status)
{
    const struct status_row *row = find(status);
    return row ? row->name : "unknown";
}
