/* test_pick.c: which tracks of a clip get the face. The choice is tested on tracks
 * and cosines made up for it; how alike two faces are is the business of face/. */
#include "check.h"
#include "studio/pick.c"

/* frames[i]: the tracks seen in frame i, one letter each ('a' = track 0), '.' = a face of no track. */
typedef struct drawn { lk_face_clip clip; lk_face_frame frames[16]; lk_face faces[16][8]; } drawn;

static const lk_face_clip *draw(drawn *d, const char *const *frames, int tracks)
{
    memset(d, 0, sizeof *d);
    for (int i = 0; frames[i]; i++) {
        int n = (int)strlen(frames[i]);
        for (int k = 0; k < n; k++) d->faces[i][k].track = frames[i][k] == '.' ? -1 : frames[i][k] - 'a';
        d->frames[i].faces = d->faces[i];
        d->frames[i].count = n;
        d->frames[i].index = i;
        d->clip.count = i + 1;
    }
    d->clip.frames = d->frames;
    d->clip.tracks = tracks;
    return &d->clip;
}

static void check_taken(const char *const *frames, int tracks, const float *cosine, const char *want)
{
    static drawn d;
    bool wanted[8] = {0};
    lk_pick p = {.wanted = wanted, .tracks = tracks, .best = 0, .best_cosine = -1};
    char got[9] = "";
    for (int t = 0; t < tracks; t++)
        if (cosine[t] > p.best_cosine) p.best = t, p.best_cosine = cosine[t];
    take_alike(draw(&d, frames, tracks), cosine, &p);
    for (int t = 0, n = 0; t < tracks; t++)
        if (wanted[t]) got[n++] = (char)('a' + t);
    CHECK_STR(got, want);
}

static void the_same_person_after_a_cut(void)
{
    check_taken((const char *const[]){"a", "a", "", "b", "b", NULL}, 2, (const float[]){0.8f, 0.7f}, "ab");
    /* not where the second is much less alike than the first... */
    check_taken((const char *const[]){"a", "a", "b", "b", NULL}, 2, (const float[]){0.8f, 0.5f}, "a");
    /* ...or no likeness at all */
    check_taken((const char *const[]){"a", "a", "b", "b", NULL}, 2, (const float[]){0.45f, 0.39f}, "a");
    check_taken((const char *const[]){"a", "b", NULL}, 2, (const float[]){0.39f, 0.38f}, "");
}

static void never_two_at_once(void)
{
    check_taken((const char *const[]){"a", "ab", "b", NULL}, 2, (const float[]){0.7f, 0.8f}, "b");
    /* c is seen with b, which is taken first for it is more alike; a is seen with neither */
    check_taken((const char *const[]){"a", "bc", "c", "b", NULL}, 3, (const float[]){0.65f, 0.8f, 0.75f}, "ab");
    /* a face that no track claims is nobody */
    check_taken((const char *const[]){"a.", ".", "b.", NULL}, 2, (const float[]){0.7f, 0.7f}, "ab");
}

static void pick_by_number(void)
{
    static drawn d;
    lk_error err = {0};
    lk_pick p;
    const lk_face_clip *clip = draw(&d, (const char *const[]){"ab", "ab", NULL}, 2);
    float nobody[LK_EMBEDDING] = {0};
    CHECK_OK(lk_pick_tracks(NULL, "x.mp4", clip, 1, nobody, "bob", &p, &err), &err);
    CHECK(lk_pick_has(&p, 1) && !lk_pick_has(&p, 0) && !lk_pick_has(&p, 2) && !lk_pick_has(&p, -1), "track 1 alone");
    CHECK_INT(p.best, 1);
    lk_free(p.wanted);
    CHECK_STATUS(lk_pick_tracks(NULL, "x.mp4", clip, 2, nobody, "bob", &p, &err), LK_E_RANGE, &err);
    CHECK(strstr(err.message, "x.mp4") && strstr(err.message, "0 to 1"), "%s", err.message);
    CHECK(!p.wanted, "nothing to free after a failure");
}

static void pick_without_a_template(void)
{
    static drawn d;
    lk_error err = {0};
    lk_pick p;
    CHECK_OK(lk_pick_tracks(NULL, "x.mp4", draw(&d, (const char *const[]){"a", NULL}, 1), -1, NULL, "bob", &p, &err), &err);
    CHECK(lk_pick_has(&p, 0), "the only track");
    lk_free(p.wanted);
    CHECK_STATUS(lk_pick_tracks(NULL, "x.mp4", draw(&d, (const char *const[]){"ab", NULL}, 2), -1, NULL, "bob", &p, &err),
                 LK_E_NOTFOUND, &err);
    CHECK(strstr(err.message, "--track") && strstr(err.message, "bob"), "%s", err.message);
    CHECK_STATUS(lk_pick_tracks(NULL, "x.mp4", draw(&d, (const char *const[]){"", NULL}, 0), -1, NULL, "bob", &p, &err),
                 LK_E_NOTFOUND, &err);
    CHECK(strstr(err.message, "x.mp4"), "%s", err.message);
}

static const check_test tests[] = {
    {"the_same_person_after_a_cut", the_same_person_after_a_cut},
    {"never_two_at_once", never_two_at_once},
    {"pick_by_number", pick_by_number},
    {"pick_without_a_template", pick_without_a_template},
};
CHECK_MAIN(tests)
