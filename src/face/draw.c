/* draw.c: what was found, drawn onto the picture. */
#include "face/face.h"

#include <math.h>
#include <stdio.h>

static const struct { int first, last; bool closed; float rgb[3]; } parts[] = {
    {0, 16, false, {0.35f, 0.75f, 1.0f}},  /* jaw */
    {17, 21, false, {1.0f, 0.8f, 0.2f}},   /* brows */
    {22, 26, false, {1.0f, 0.8f, 0.2f}},
    {27, 30, false, {0.5f, 1.0f, 0.5f}},   /* nose */
    {31, 35, false, {0.5f, 1.0f, 0.5f}},
    {36, 41, true, {1.0f, 1.0f, 1.0f}},    /* eyes */
    {42, 47, true, {1.0f, 1.0f, 1.0f}},
    {48, 59, true, {1.0f, 0.4f, 0.4f}},    /* lips */
    {60, 67, true, {1.0f, 0.6f, 0.8f}},
};
static const float track_rgb[][3] = {
    {0.2f, 0.9f, 0.4f},   {1.0f, 0.55f, 0.1f}, {0.3f, 0.6f, 1.0f},
    {0.95f, 0.3f, 0.75f}, {0.9f, 0.9f, 0.2f},  {0.4f, 0.9f, 0.9f},
};

void lk_face_draw(lk_image *im, const lk_face *faces, int count)
{
    for (int n = 0; n < count; n++) {
        const lk_face *f = &faces[n];
        const float *rgb = track_rgb[f->track < 0 ? 0 : (size_t)f->track % LK_COUNT(track_rgb)];
        float w = f->box.x1 - f->box.x0, dot = LK_CLAMP(w / 110, 0.7f, 4.0f);
        lk_draw_box(im, f->box.x0, f->box.y0, f->box.x1, f->box.y1, LK_CLAMP(w / 80, 1.0f, 4.0f), rgb);
        for (size_t p = 0; p < LK_COUNT(parts); p++) {
            for (int i = parts[p].first; i <= parts[p].last; i++) {
                int next = i < parts[p].last ? i + 1 : parts[p].closed ? parts[p].first : i;
                if (w >= 60)
                    lk_draw_line(im, f->lm[i].x, f->lm[i].y, f->lm[next].x, f->lm[next].y, dot * 0.6f,
                                 parts[p].rgb);
                lk_draw_dot(im, f->lm[i].x, f->lm[i].y, dot, parts[p].rgb);
            }
        }
        char label[64];
        if (f->track >= 0) snprintf(label, sizeof label, "#%d  yaw %+.0f", f->track, f->yaw);
        else snprintf(label, sizeof label, "%.2f  yaw %+.0f", f->score, f->yaw);
        float height = LK_CLAMP(w / 8, 9.0f, 28.0f);
        float y = f->box.y0 - 1.6f * height, x = fmaxf(f->box.x0, 0);
        if (y < 0) y = f->box.y1 + 0.3f * height; /* no room above */
        const float black[3] = {0, 0, 0};
        lk_draw_fill(im, x, y, x + (float)lk_draw_text_width(height, label) + height * 0.5f,
                     y + 1.3f * height, black, 0.55f);
        lk_draw_text(im, x + 0.25f * height, y + 0.15f * height, height, label, rgb);
    }
}
