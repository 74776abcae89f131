/* search.c: which registered files a file is a copy of. */
#include <string.h>

#include "mark/copies/internal.h"

const char *lk_copy_level_name(lk_copy_level l)
{
    return l == LK_COPY_SAME ? "same" : l == LK_COPY_SURE ? "copy" : "alike";
}

/* The same bytes: LK_END when nobody registered them. */
static lk_status find_exact(lk_copies *c, const lk_hash *file, lk_copy_match *out, int64_t *id, lk_error *err)
{
    LK_TRY(copies_id_of(c, file, id, err));
    memset(out, 0, sizeof *out);
    LK_TRY(copies_entry(c, *id, &out->entry, err));
    out->exact = true;
    out->level = LK_COPY_SAME;
    out->share = 1;
    out->speed = 1;
    out->query_end = out->entry.duration;
    return LK_OK;
}

lk_status lk_copies_search(lk_copies *c, const lk_copies_hashes *query, const lk_hash *file_or_null, lk_copy_match *out, int max,
                           int *count, lk_error *err)
{
    int64_t id = 0;
    *count = 0;
    (void)query;
    if (max < 1) return LK_OK;
    if (file_or_null) {
        lk_status s = find_exact(c, file_or_null, out, &id, err);
        if (s == LK_OK) *count = 1;
        else if (s != LK_END) return s;
    }
    return copies_load(c, err);
}
