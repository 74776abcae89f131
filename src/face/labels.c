/* labels.c: reads the frame labels of the synthetic actors. */
#include "face/labels.h"

#include <string.h>
#include <zlib.h>

enum { LINE_MAX_BYTES = 1 << 20, FRAMES_MAX = 1000000 };

void lk_labels_clear(lk_labels *l)
{
    lk_free(l->frames);
    *l = (lk_labels){0};
}

static lk_status parse_frame(const char *line, lk_arena *arena, lk_label_frame *out, lk_error *err)
{
    lk_json *root = NULL;
    LK_TRY(lk_json_parse(line, strlen(line), arena, &root, err));
    const lk_json *lm = lk_json_get(root, "lm"), *ypr = lk_json_get(root, "ypr");
    if (!lm || lm->count != 2 * LK_LANDMARKS || !ypr || ypr->count != 3)
        return LK_FAIL(err, LK_E_FORMAT, "a frame without 68 landmarks and pose");
    out->frame = (int64_t)lk_json_number(root, "f", 0);
    const lk_json *v = lm->child;
    for (int i = 0; i < LK_LANDMARKS; i++) {
        out->lm[i].x = (float)v->number;
        v = v->next;
        out->lm[i].y = (float)v->number;
        v = v->next;
    }
    out->yaw = (float)ypr->child->number;
    out->pitch = (float)ypr->child->next->number;
    out->roll = (float)ypr->child->next->next->number;
    return LK_OK;
}

static lk_status add_frame(lk_labels *l, int *room, const lk_label_frame *f, lk_error *err)
{
    if (l->count == *room) {
        int more = *room ? *room * 2 : 256;
        if (l->count >= FRAMES_MAX) return LK_FAIL(err, LK_E_RANGE, "more than %d frames", FRAMES_MAX);
        lk_label_frame *p = lk_realloc(l->frames, (size_t)*room * sizeof *p, (size_t)more * sizeof *p);
        if (!p) return LK_FAIL(err, LK_E_NOMEM, "no memory for %d frames", more);
        l->frames = p;
        *room = more;
    }
    l->frames[l->count++] = *f;
    return LK_OK;
}

lk_status lk_labels_read(const char *path, lk_labels *out, lk_error *err)
{
    *out = (lk_labels){0};
    gzFile gz = gzopen(path, "rb");
    if (!gz) return LK_FAIL(err, LK_E_NOTFOUND, "the labels %s are not there; say where the data is with --data or LIKENESS_DATA", path);
    lk_status s = LK_OK;
    lk_arena *arena = NULL;
    lk_error detail = {0};
    int room = 0, number = 0;
    char *line = lk_alloc(LINE_MAX_BYTES);
    if (!line || lk_arena_new(&arena, 1 << 16)) s = LK_FAIL(err, LK_E_NOMEM, "no memory to read %s", path);
    while (!s && gzgets(gz, line, LINE_MAX_BYTES)) {
        lk_label_frame f;
        if (number++ == 0) continue; /* the header */
        lk_arena_clear(arena);
        s = parse_frame(line, arena, &f, &detail);
        if (!s) s = add_frame(out, &room, &f, &detail);
        if (s) s = LK_FAIL(err, s, "line %d of %s: %s", number, path, detail.message);
    }
    if (!s && !out->count) s = LK_FAIL(err, LK_E_FORMAT, "%s holds no frames", path);
    gzclose(gz);
    lk_free(line);
    lk_arena_free(arena);
    if (s) lk_labels_clear(out);
    return s;
}
