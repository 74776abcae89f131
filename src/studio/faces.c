/* faces.c: the faces job: what was found, as JSON lines and as a picture. */
#include "make/swap/swap.h"
#include "studio/studio.h"

#include <string.h>

enum { PICTURES = 12, COLUMNS = 3, CELL_W = 426, CELL_H = 240 };

static void json_face(lk_text *t, const lk_face *f)
{
    lk_text_add(t, "{\"track\":%d,\"score\":%.3f,\"quality\":%.3f,\"box\":[%.1f,%.1f,%.1f,%.1f],\"yaw\":%.1f,\"pitch\":%.1f,\"roll\":%.1f,\"landmarks\":[",
                f->track, (double)f->score, (double)f->quality, (double)f->box.x0, (double)f->box.y0, (double)f->box.x1, (double)f->box.y1,
                (double)f->yaw, (double)f->pitch, (double)f->roll);
    for (int i = 0; i < LK_LANDMARKS; i++)
        lk_text_add(t, "%s%.2f,%.2f", i ? "," : "", (double)f->lm[i].x, (double)f->lm[i].y);
    lk_text_add(t, "]}");
}

static lk_status print_frames(const lk_face_clip *clip, lk_line_fn out, void *user, lk_error *err)
{
    for (int64_t i = 0; i < clip->count; i++) {
        lk_text t = {0};
        lk_text_add(&t, "{\"frame\":%lld,\"pts\":%lld,\"faces\":[", (long long)clip->frames[i].index, (long long)clip->frames[i].pts);
        for (int k = 0; k < clip->frames[i].count; k++) {
            if (k) lk_text_add(&t, ",");
            json_face(&t, &clip->frames[i].faces[k]);
        }
        lk_text_add(&t, "]}");
        if (!t.failed) out(user, t.s);
        bool failed = t.failed;
        lk_text_clear(&t);
        if (failed) return LK_FAIL(err, LK_E_NOMEM, "no memory to print frame %lld", (long long)i);
    }
    return LK_OK;
}

/* Up to twelve moments of the clip with everything drawn in. The footage is the user's own: nothing is made here. */
static lk_status draw(lk_project *p, const char *input, const lk_face_clip *clip, const char *picture, lk_error *err)
{
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    lk_mark_desk *desk = NULL;
    bool own = false;
    lk_image cells[PICTURES] = {0}, sheet = {0};
    int n = 0, want = (int)LK_MIN(clip->count, PICTURES);
    lk_status s;
    LK_GOTO(done, lk_reader_open(input, &r, err));
    for (int64_t i = 0; i < clip->count && n < want && (s = lk_reader_next(r, &f, err)) == LK_OK; i++) {
        if (i == (2 * n + 1) * clip->count / (2 * want)) {
            LK_GOTO(done, lk_frame_to_image(f, &cells[n], err));
            lk_face_draw(&cells[n], clip->frames[i].faces, clip->frames[i].count);
            n++;
        }
        lk_frame_unref(&f);
    }
    if (!n) {
        s = LK_FAIL(err, LK_E_FORMAT, "%s has no picture to draw", input);
        goto done;
    }
    LK_GOTO(done, lk_project_desk(p, &desk, &own, err));
    const lk_mark_origin origin = {.action = "analysis picture", .desk = desk, .opened = input};
    if (n == 1) {
        s = lk_mark_still(picture, &cells[0], false, LK_LABEL_BOTTOM_LEFT, &origin, err);
    } else {
        int columns = LK_MIN(n, COLUMNS), rows = (n + columns - 1) / columns;
        LK_GOTO(done, lk_swap_contact_sheet(cells, rows, columns, CELL_W, CELL_H, NULL, NULL, NULL, &sheet, err));
        s = lk_mark_still(picture, &sheet, false, LK_LABEL_BOTTOM_LEFT, &origin, err);
    }
done:
    for (int i = 0; i < PICTURES; i++) lk_image_clear(&cells[i]);
    lk_image_clear(&sheet);
    if (own) lk_mark_desk_close(&desk);
    lk_frame_unref(&f);
    lk_reader_close(&r);
    return s;
}

lk_status lk_faces_run(lk_project *p, const char *input, const char *picture, lk_line_fn out, void *user, const lk_cancel *cancel,
                       const lk_progress_sink *progress, lk_error *err)
{
    lk_analyser *a = NULL;
    lk_face_clip clip = {0};
    lk_status s;
    LK_GOTO(done, lk_analyser_open(NULL, &a, err));
    LK_GOTO(done, lk_analyse_clip(a, input, &clip, cancel, progress, err));
    if (out) LK_GOTO(done, print_frames(&clip, out, user, err));
    if (picture) LK_GOTO(done, draw(p, input, &clip, picture, err));
done:
    lk_face_clip_clear(&clip);
    lk_analyser_close(&a);
    return s;
}
