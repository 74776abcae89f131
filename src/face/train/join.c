/* join.c: towers that were trained by themselves become one face-id file. */
#include <stdio.h>
#include <string.h>

#include "face/train/calibrate.h"
#include "face/nets.h"

static const char *const keys[] = {"steps", "batch", "seed", "data", "held_out"};

static lk_status open_tower(const char *path, lk_safetensors **st, lk_error *err)
{
    LK_TRY(lk_safetensors_open(path, st, err));
    const char *net = lk_safetensors_meta(*st, "net");
    if (net && !strcmp(net, "face-id") && lk_safetensors_find(*st, "stem.weight")) return LK_OK;
    lk_safetensors_close(*st);
    *st = NULL;
    return LK_FAIL(err, LK_E_FORMAT, "%s is no single tower of face-id, as face_train writes it", path);
}

lk_status lk_face_join(const char *const tower[LK_FACE_TOWERS], const char *output, lk_error *err)
{
    lk_safetensors *st[LK_FACE_TOWERS] = {0};
    lk_named_tensor *t = NULL;
    lk_text meta = {0};
    int count = 0, total = 0;
    lk_status s = LK_OK;
    for (int k = 0; k < LK_FACE_TOWERS && s == LK_OK; k++) {
        s = open_tower(tower[k], &st[k], err);
        if (s == LK_OK) total += lk_safetensors_count(st[k]);
    }
    if (s == LK_OK && !(t = lk_calloc((size_t)total, sizeof *t))) s = LK_FAIL(err, LK_E_NOMEM, "no memory to join face-id");
    for (int k = 0; k < LK_FACE_TOWERS && s == LK_OK; k++)
        for (int i = 0; i < lk_safetensors_count(st[k]); i++) {
            const lk_named_tensor *from = lk_safetensors_at(st[k], i);
            t[count] = *from;
            snprintf(t[count++].name, sizeof t->name, "t%d.%.120s", k, from->name);
        }
    lk_text_add(&meta, "{\"net\":\"face-id\",\"version\":\"2\"");
    for (size_t i = 0; i < LK_COUNT(keys) && s == LK_OK; i++) {
        lk_text_add(&meta, ",\"%s\":\"", keys[i]);
        for (int k = 0; k < LK_FACE_TOWERS; k++) {
            const char *v = lk_safetensors_meta(st[k], keys[i]);
            lk_text_add(&meta, "%s%s", k ? ", " : "", v ? v : "?");
        }
        lk_text_add(&meta, "\"");
    }
    lk_text_add(&meta, "}");
    if (s == LK_OK && meta.failed) s = LK_FAIL(err, LK_E_NOMEM, "no memory to join face-id");
    if (s == LK_OK) s = lk_safetensors_write(output, t, count, meta.s, err);
    lk_text_clear(&meta);
    lk_free(t);
    for (int k = 0; k < LK_FACE_TOWERS; k++) lk_safetensors_close(st[k]);
    return s;
}
