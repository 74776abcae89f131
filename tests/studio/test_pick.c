/* test_pick.c: which tracks of a clip get the face. The choice is tested on tracks
 * and scores made up for it; how alike two faces are is the business of face/. */
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

static const lk_face_thresholds limits = {.accept = 6, .reject = 3};

static void check_taken(const char *const *frames, int tracks, const float *score, const char *want)
{
    static drawn d;
    bool wanted[8] = {0};
    lk_pick p = {.wanted = wanted, .tracks = tracks, .best = 0, .best_score = NOT_SEEN};
    char got[9] = "";
    for (int t = 0; t < tracks; t++)
        if (score[t] > p.best_score) p.best = t, p.best_score = score[t];
    take_alike(draw(&d, frames, tracks), score, &limits, &p);
    for (int t = 0, n = 0; t < tracks; t++)
        if (wanted[t]) got[n++] = (char)('a' + t);
    CHECK_STR(got, want);
}

static void the_same_person_after_a_cut(void)
{
    check_taken((const char *const[]){"a", "a", "", "b", "b", NULL}, 2, (const float[]){8, 7}, "ab");
    /* not where the second is much less alike than the first... */
    check_taken((const char *const[]){"a", "a", "b", "b", NULL}, 2, (const float[]){8, 4.9f}, "a");
    /* ...or somebody else, or was never seen well enough */
    check_taken((const char *const[]){"a", "a", "b", "b", NULL}, 2, (const float[]){4, 2.9f}, "a");
    check_taken((const char *const[]){"a", "a", "b", "b", NULL}, 2, (const float[]){4, NOT_SEEN}, "a");
    check_taken((const char *const[]){"a", "b", NULL}, 2, (const float[]){2.9f, 2}, "");
}

static void never_two_at_once(void)
{
    check_taken((const char *const[]){"a", "ab", "b", NULL}, 2, (const float[]){7, 8}, "b");
    /* c is seen with b, which is taken first for it is more alike; a is seen with neither */
    check_taken((const char *const[]){"a", "bc", "c", "b", NULL}, 3, (const float[]){6.5f, 8, 7.5f}, "ab");
    /* a face that no track claims is nobody */
    check_taken((const char *const[]){"a.", ".", "b.", NULL}, 2, (const float[]){7, 7}, "ab");
}

static void clips_that_cannot_be_picked_from(void)
{
    static drawn d;
    lk_error err = {0};
    lk_pick p;
    lk_pick_who who = {.person = "bob", .limits = limits};
    const lk_face_clip *clip = draw(&d, (const char *const[]){"ab", "ab", NULL}, 2);
    CHECK_STATUS(lk_pick_tracks(NULL, "x.mp4", clip, 2, &who, &p, &err), LK_E_RANGE, &err);
    CHECK(strstr(err.message, "x.mp4") && strstr(err.message, "0 to 1"), "%s", err.message);
    CHECK(!p.wanted, "nothing to free after a failure");
    CHECK_STATUS(lk_pick_tracks(NULL, "x.mp4", draw(&d, (const char *const[]){"", NULL}, 0), -1, &who, &p, &err), LK_E_NOTFOUND, &err);
    CHECK(strstr(err.message, "x.mp4"), "%s", err.message);
}

static const check_test tests[] = {
    {"the_same_person_after_a_cut", the_same_person_after_a_cut},
    {"never_two_at_once", never_two_at_once},
    {"clips_that_cannot_be_picked_from", clips_that_cannot_be_picked_from},
};
CHECK_MAIN(tests)
