/* desk.c: what a project marks its outputs with: the signing identity in DIR/keys/mark (a demo one, which says so, is made
 * when there is none) and the registry of looks in DIR. The key is opened when the first output is signed.
 */
#include <stdio.h>
#include <string.h>

#include "mark/internal.h"
#include "mark/keys.h"

struct lk_mark_desk {
    char keys_dir[1024];
    lk_keys *keys;
    lk_copies *copies;
};

lk_status lk_mark_desk_open(const char *dir, lk_mark_desk **out, lk_error *err)
{
    *out = NULL;
    if (!dir || strlen(dir) + sizeof("/keys/mark") > sizeof((*out)->keys_dir))
        return LK_FAIL(err, LK_E_ARG, "the folder of the signing key has no name, or one that is too long");
    lk_mark_desk *d = lk_calloc(1, sizeof(*d));
    if (!d) return LK_FAIL(err, LK_E_NOMEM, "no memory to mark the outputs of %s", dir);
    snprintf(d->keys_dir, sizeof(d->keys_dir), "%s/keys/mark", dir);
    lk_status s = lk_copies_open(dir, true, &d->copies, err);
    if (s == LK_OK && !lk_keys_exist(d->keys_dir)) s = lk_keys_make_demo(d->keys_dir, err);
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
    static const lk_keys_pass plain = {.file = NULL};
    if (!d->keys) LK_TRY(lk_keys_open(d->keys_dir, &plain, &d->keys, err));
    return lk_keys_signer(d->keys, out, err);
}

lk_copies *mark_desk_copies(lk_mark_desk *d) { return d->copies; }
