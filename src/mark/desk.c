/* desk.c: what outputs are marked with: an open signing identity and a registry of looks. */
#include "mark/internal.h"

struct lk_mark_desk {
    lk_keys *keys;
    lk_copies *copies;
};

lk_status lk_mark_desk_open(const char *dir, lk_keys *keys, lk_mark_desk **out, lk_error *err)
{
    *out = NULL;
    lk_mark_desk *d = lk_calloc(1, sizeof(*d));
    if (!d) {
        lk_keys_close(&keys);
        return LK_FAIL(err, LK_E_NOMEM, "no memory to mark the outputs of %s", dir);
    }
    d->keys = keys;
    lk_status s = keys ? lk_copies_open(dir, true, &d->copies, err)
                       : LK_FAIL(err, LK_E_MARK, "there is no key to sign with; make one with: likeness keys make");
    if (s != LK_OK) lk_mark_desk_close(&d);
    *out = d;
    return s;
}

void lk_mark_desk_close(lk_mark_desk **dp)
{
    lk_mark_desk *d = *dp;
    if (!d) return;
    lk_keys_close(&d->keys);
    lk_copies_close(&d->copies);
    lk_free(d);
    *dp = NULL;
}

lk_status mark_desk_signer(lk_mark_desk *d, c2pa_signer *out, lk_error *err)
{
    return lk_keys_signer(d->keys, out, err);
}

lk_copies *mark_desk_copies(lk_mark_desk *d) { return d->copies; }
