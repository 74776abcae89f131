/* test_turns.c: head turns are seen in order, with a mirror image or without, and not where nobody turned. */
#include "check.h"
#include "face/turns.h"

#include <math.h>
#include <string.h>

enum { MOST = 800 };

typedef struct scene { lk_face_clip clip; lk_face_frame frames[MOST]; lk_face faces[MOST]; } scene;

static void add(scene *s, float yaw, float pitch)
{
    int64_t i = s->clip.count++;
    s->faces[i] = (lk_face){.box = {10, 10, 60, 60}, .quality = 0.9f, .yaw = yaw, .pitch = pitch};
    s->frames[i] = (lk_face_frame){.index = i, .count = 1, .faces = &s->faces[i]};
}

/* turns: letters l r u d, . for a second at rest; the person's left is yaw > 0. Noise as landmarks have it. */
static void act(scene *s, const char *turns, float degrees, float rest_yaw, float rest_pitch)
{
    lk_rng rng = lk_rng_at(3, 0, 0, 0);
    memset(s, 0, sizeof *s);
    s->clip.frames = s->frames;
    s->clip.tracks = 1;
    for (const char *p = turns; *p; p++)
        for (int i = 0; i < 25; i++) {
            float way = *p == '.' ? 0 : degrees * sinf((float)i * 3.14159f / 24), shake = lk_rng_range(&rng, -2, 2);
            float yaw = *p == 'l' ? way : *p == 'r' ? -way : 0, pitch = *p == 'd' ? way : *p == 'u' ? -way : 0;
            add(s, rest_yaw + yaw + shake, rest_pitch + pitch * 0.7f + shake * 0.5f);
        }
}

static void seen_is(const scene *s, const char *want)
{
    lk_turn_event e[32];
    lk_turns_result r;
    lk_error err;
    int n = lk_face_turns(&s->clip, e, 32);
    CHECK_OK(lk_face_turns_judge("left", e, n, &r, &err), &err);
    CHECK_STR(r.said, want);
}

static void test_seen(void)
{
    static scene s;
    act(&s, "..l.r.u.d..", 30, 0, 0);
    seen_is(&s, "left right up down");
    act(&s, "..lrlr..", 30, 0, 0); /* without a pause between them */
    seen_is(&s, "left right left right");
    act(&s, "..u.d.l..", 30, 12, -9); /* a camera that stands askew */
    seen_is(&s, "up down left");
    act(&s, "..........", 0, 0, 0);
    seen_is(&s, "");
    act(&s, "..lrud....", 10, 0, 0); /* a nod while talking is no turn */
    seen_is(&s, "");
    act(&s, "..l.r..", 30, 0, 0);
    s.faces[30].yaw = -80; /* one frame seen wrongly */
    seen_is(&s, "left right");
    for (int i = 0; i < s.clip.count; i += 9) s.frames[i].count = 0; /* frames without a face */
    seen_is(&s, "left right");
    memset(&s, 0, sizeof s);
    seen_is(&s, "");
}

static lk_turns_verdict judge(const char *asked, const char *acted, bool *mirrored)
{
    static scene s;
    lk_turn_event e[32];
    lk_turns_result r;
    lk_error err;
    act(&s, acted, 30, 0, 0);
    CHECK_OK(lk_face_turns_judge(asked, e, lk_face_turns(&s.clip, e, 32), &r, &err), &err);
    *mirrored = r.mirrored;
    return r.verdict;
}

static void test_judged(void)
{
    bool m;
    CHECK_INT(judge("left up right", "..l.u.r..", &m), LK_TURNS_FIT);
    CHECK(!m, "mirrored");
    CHECK_INT(judge("left up right", "..r.u.l..", &m), LK_TURNS_FIT);
    CHECK(m, "not mirrored");
    CHECK_INT(judge("left up right", "..l.d.u.r..", &m), LK_TURNS_FIT); /* one more */
    CHECK_INT(judge("left up right", "..l.u..", &m), LK_TURNS_DOUBT);
    CHECK_INT(judge("left up right", "..l.u.r.l.u..", &m), LK_TURNS_DOUBT);
    CHECK_INT(judge("left up right", "..u.d..", &m), LK_TURNS_NOT);
    CHECK_INT(judge("left up right", ".........", &m), LK_TURNS_NOT);
    CHECK_INT(judge("left up right", "l.u.r.l.u.r.l.u.r.d.d.u.d.", &m), LK_TURNS_NOT); /* everything in turn, in the hope of a hit */
    lk_turns_result r;
    lk_error err;
    CHECK_STATUS(lk_face_turns_judge("left sideways", NULL, 0, &r, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_face_turns_judge("", NULL, 0, &r, &err), LK_E_ARG, &err);
}

static void test_picked(void)
{
    int count[LK_TURNS] = {0};
    for (int k = 0; k < 1000; k++) {
        uint8_t random[4];
        char words[64];
        lk_turns_result r;
        lk_error err;
        lk_rng rng = lk_rng_at(5, (uint32_t)k, 0, 0);
        for (int i = 0; i < 4; i++) random[i] = (uint8_t)lk_rng_u32(&rng);
        lk_face_turns_pick(random, 4, words, sizeof words);
        CHECK_OK(lk_face_turns_judge(words, NULL, 0, &r, &err), &err);
        CHECK_INT(r.asked, 4);
        for (int t = 0; t < LK_TURNS; t++) {
            char twice[24];
            snprintf(twice, sizeof twice, "%s %s", lk_turn_name(t), lk_turn_name(t));
            CHECK(!strstr(words, twice), "%s", words);
            count[t] += !strncmp(words, lk_turn_name(t), strlen(lk_turn_name(t)));
        }
    }
    for (int t = 0; t < LK_TURNS; t++) CHECK(count[t] > 180 && count[t] < 320, "%s comes first %d times of 1000", lk_turn_name(t), count[t]);
}

static const check_test tests[] = {{"seen", test_seen}, {"judged", test_judged}, {"picked", test_picked}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, (int)LK_COUNT(tests)); }
