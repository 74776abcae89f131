/* turns.c: head turns of a clip, from the pose of its frames. */
#include "face/turns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Degrees away from rest at which a turn begins and is over. Talking stays far below (GRID: yaw within 2, pitch within 4);
 * up and down look smaller than they are in landmarks, which see little of the chin's way. */
#define YAW_OUT 16.0f
#define YAW_BACK 8.0f
#define PITCH_OUT 11.0f
#define PITCH_BACK 5.5f

enum { MEDIAN = 5, MOST_ASKED = 12, EXTRA_FIT = 1, EXTRA_DOUBT = 3 };

static const char *const names[LK_TURNS] = {"left", "right", "up", "down"};

const char *lk_turn_name(lk_turn t) { return t >= 0 && t < LK_TURNS ? names[t] : ""; }

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float median_of(const float *v, int64_t n, float *work)
{
    memcpy(work, v, (size_t)n * sizeof *v);
    qsort(work, (size_t)n, sizeof *work, by_value);
    return work[n / 2];
}

static const lk_face *largest(const lk_face_frame *f)
{
    const lk_face *best = NULL;
    for (int i = 0; i < f->count; i++) {
        const lk_face *x = &f->faces[i];
        if (!best || x->box.x1 - x->box.x0 > best->box.x1 - best->box.x0) best = x;
    }
    return best;
}

/* One frame seen wrongly is no turn: each value gives way to the median around it. */
static float steady(const float *v, int64_t n, int64_t i)
{
    float near[MEDIAN], work[MEDIAN];
    int64_t from = LK_CLAMP(i - MEDIAN / 2, (int64_t)0, LK_MAX(n - MEDIAN, (int64_t)0)), count = LK_MIN(n, (int64_t)MEDIAN);
    memcpy(near, v + from, (size_t)count * sizeof *near);
    return median_of(near, count, work);
}

/* Which turn a pose is, and how far in units of the angle at which it begins. */
static lk_turn direction(float yaw, float pitch, float *extent)
{
    float y = fabsf(yaw) / YAW_OUT, p = fabsf(pitch) / PITCH_OUT;
    *extent = fmaxf(y, p);
    if (y >= p) return yaw > 0 ? LK_TURN_LEFT : LK_TURN_RIGHT; /* the picture's right is the person's left */
    return pitch > 0 ? LK_TURN_DOWN : LK_TURN_UP;
}

int lk_face_turns(const lk_face_clip *clip, lk_turn_event *out, int max)
{
    float *yaw = lk_alloc((size_t)LK_MAX(clip->count, 1) * 3 * sizeof *yaw);
    int64_t *frame = lk_alloc((size_t)LK_MAX(clip->count, 1) * sizeof *frame);
    int count = 0;
    int64_t n = 0;
    if (!yaw || !frame) goto done;
    float *pitch = yaw + clip->count, *work = pitch + clip->count;
    for (int64_t i = 0; i < clip->count; i++) {
        const lk_face *f = largest(&clip->frames[i]);
        if (!f || f->quality < 0.15f) continue;
        yaw[n] = f->yaw;
        pitch[n] = f->pitch;
        frame[n++] = clip->frames[i].index;
    }
    if (n < MEDIAN) goto done;
    float yaw0 = median_of(yaw, n, work), pitch0 = median_of(pitch, n, work);
    bool out_there = false;
    for (int64_t i = 0; i < n; i++) {
        float y = steady(yaw, n, i) - yaw0, p = steady(pitch, n, i) - pitch0, extent;
        lk_turn t = direction(y, p, &extent);
        bool back = fabsf(y) < YAW_BACK && fabsf(p) < PITCH_BACK;
        if (extent >= 1 && (!out_there || (count && out[count - 1].turn != t))) {
            if (count == max) break;
            out[count++] = (lk_turn_event){t, frame[i], 0};
            out_there = true;
        }
        if (back) out_there = false;
        float degrees = t <= LK_TURN_RIGHT ? fabsf(y) : fabsf(p);
        if (out_there && out[count - 1].turn == t && degrees > out[count - 1].degrees) {
            out[count - 1].degrees = degrees;
            out[count - 1].frame = frame[i];
        }
    }
done:
    lk_free(yaw);
    lk_free(frame);
    return count;
}

/* --- asked and seen ------------------------------------------------------------------------------------------- */

static int parse(const char *asked, lk_turn *out, int max)
{
    int n = 0;
    for (const char *p = asked; *p;) {
        size_t len = strcspn(p, " ");
        int t = 0;
        while (t < LK_TURNS && (strlen(names[t]) != len || strncmp(names[t], p, len))) t++;
        if (t == LK_TURNS || n == max) return 0;
        out[n++] = (lk_turn)t;
        p += len;
        p += *p == ' ';
    }
    return n;
}

static lk_turn mirror(lk_turn t) { return t == LK_TURN_LEFT ? LK_TURN_RIGHT : t == LK_TURN_RIGHT ? LK_TURN_LEFT : t; }

static int common(const lk_turn *asked, int n, const lk_turn_event *seen, int count, bool mirrored)
{
    int row[MOST_ASKED + 1] = {0};
    for (int i = 0; i < count; i++) {
        int before = 0;
        for (int k = 0; k < n; k++) {
            int up = row[k + 1];
            lk_turn t = mirrored ? mirror(seen[i].turn) : seen[i].turn;
            row[k + 1] = t == asked[k] ? before + 1 : LK_MAX(up, row[k]);
            before = up;
        }
    }
    return row[n];
}

lk_status lk_face_turns_judge(const char *asked, const lk_turn_event *seen, int count, lk_turns_result *out, lk_error *err)
{
    lk_turn want[MOST_ASKED];
    memset(out, 0, sizeof *out);
    out->asked = parse(asked, want, MOST_ASKED);
    if (!out->asked) return LK_FAIL(err, LK_E_ARG, "'%.60s' is no list of 1 to %d turns (left, right, up, down)", asked, MOST_ASKED);
    out->seen = count;
    int plain = common(want, out->asked, seen, count, false), swapped = common(want, out->asked, seen, count, true);
    out->mirrored = swapped > plain;
    out->in_order = LK_MAX(plain, swapped);
    for (int i = 0; i < count; i++) {
        size_t at = strlen(out->said);
        snprintf(out->said + at, sizeof out->said - at, "%s%s", i ? " " : "", names[seen[i].turn]);
    }
    int lack = out->asked - out->in_order, extra = count - out->in_order;
    if (lack == 0 && extra <= EXTRA_FIT) out->verdict = LK_TURNS_FIT;
    else if ((lack == 0 && extra <= EXTRA_DOUBT) || (lack == 1 && extra <= EXTRA_FIT && out->asked > 2)) out->verdict = LK_TURNS_DOUBT;
    return LK_OK;
}

void lk_face_turns_pick(const uint8_t *random, int n, char *out, size_t cap)
{
    int last = -1;
    *out = '\0';
    for (int i = 0; i < n; i++) {
        /* 12 divides 252: of four, or of the three others, all are as likely */
        int t = last < 0 ? random[i] % 4 : (last + 1 + random[i] % 252 % 3) % 4;
        size_t at = strlen(out);
        snprintf(out + at, cap - at, "%s%s", i ? " " : "", names[t]);
        last = t;
    }
}
