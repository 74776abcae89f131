/* test_clips.c: copies of clips and stills are found with their place in time, through what people do to them; what is no
 * copy is not called one.
 */
#include "mark/copies/copies.h"
#include "pictures.h"
#include "tempdir.h"

static bool have_ffmpeg(void) { return system("ffmpeg -version >/dev/null 2>&1") == 0; }

#define X264 "-c:v libx264 -preset ultrafast -c:a aac "
/* Two takes of one actor: the bundled clip from second 0 to 6 and from 20 to 26. And another actor. */
#define TAKE_1 "take-1.mp4"
#define TAKE_2 "take-2.mp4"
#define OTHER "other.mp4"

static void ffmpeg(const char *args, const char *name)
{
    char command[1500];
    snprintf(command, sizeof command, "cd '%s' && ffmpeg -v error -nostdin -y -threads 2 %s '%s' </dev/null", tempdir, args, name);
    CHECK(system(command) == 0, "ffmpeg cannot make %s", name);
}

static lk_copies *registry;

static void add_file(lk_copies *c, const char *path, const char *kind)
{
    lk_error err = {0};
    lk_copies_hashes *h = NULL;
    lk_copy_entry e = {.created = 1700000000};
    CHECK_OK(lk_copies_hashes_file(path, &h, NULL, &err), &err);
    CHECK_OK(lk_hash_file(path, &e.file, &err), &err);
    snprintf(e.path, sizeof e.path, "%s", path);
    snprintf(e.kind, sizeof e.kind, "%s", kind);
    if (h) CHECK_OK(lk_copies_add(c, &e, h, &err), &err);
    lk_copies_hashes_free(&h);
}

static bool have_registry(void)
{
    static bool tried;
    lk_error err = {0};
    if (tried || !have_ffmpeg()) return registry != NULL;
    tried = true;
    ffmpeg("-t 6 -i " SAMPLE_A " -vf scale=320:180 -crf 20 " X264, TAKE_1);
    ffmpeg("-ss 20 -t 6 -i " SAMPLE_A " -vf scale=320:180 -crf 20 " X264, TAKE_2);
    ffmpeg("-t 5 -i " SAMPLE_B " -vf scale=320:180 -crf 20 " X264, OTHER);
    CHECK_OK(lk_copies_open(tempdir, true, &registry, &err), &err);
    if (!registry) return false;
    add_file(registry, in_tempdir(TAKE_1), "added");
    add_file(registry, in_tempdir(TAKE_2), "added");
    add_file(registry, in_tempdir(OTHER), "output");
    return true;
}

#define NEED_REGISTRY() do { if (!have_registry()) SKIP("the ffmpeg command is not installed"); } while (0)

enum { MOST = 8 };
static int search(const char *path, bool with_hash, lk_copy_match m[MOST])
{
    lk_error err = {0};
    lk_copies_hashes *h = NULL;
    lk_hash hash;
    int n = 0;
    memset(m, 0, MOST * sizeof *m);
    CHECK_OK(lk_copies_hashes_file(path, &h, NULL, &err), &err);
    CHECK_OK(lk_hash_file(path, &hash, &err), &err);
    if (h) CHECK_OK(lk_copies_search(registry, h, with_hash ? &hash : NULL, m, MOST, &n, &err), &err);
    lk_copies_hashes_free(&h);
    return n;
}

static const char *name_of(const lk_copy_match *m) { return lk_path_base(m->entry.path); }

/* The copies of take 1 that people make. Sound is left out: looks alone must do. begin, length: seconds of take 1. */
static const struct {
    const char *name, *args;
    double begin, length;
    int view;
    double zoom, speed;
} edits[] = {
    {"recoded", "-crf 32", 0, 6, 0, 1, 1},
    {"half", "-vf scale=160:90 -crf 26", 0, 6, 0, 1, 1},
    {"cut to 2 s", "-ss 3.32 -t 2 -crf 26", 3.32, 2, 0, 1, 1},
    {"cut to 5 s", "-ss 0.8 -t 5 -crf 28", 0.8, 5, 0, 1, 1},
    {"mirrored", "-vf hflip -crf 26", 0, 6, 4, 1, 1},
    {"upright", "-vf transpose=1 -crf 26", 0, 6, 3, 1, 1},
    {"cropped by 5 %", "-vf crop=iw*0.95:ih*0.95 -crf 26", 0, 6, 0, 0.95, 1},
    {"cropped by 10 %", "-vf crop=iw*0.9:ih*0.9 -crf 26", 0, 6, 0, 0.9, 1},
    {"cropped by 20 %", "-vf crop=iw*0.8:ih*0.8 -crf 26", 0, 6, 0, 0.8, 1},
    {"bars", "-vf \"pad=iw:ih*1.3:0:(oh-ih)/2\" -crf 26", 0, 6, 0, 1, 1},
    {"mirrored with bars", "-vf \"hflip,pad=iw*1.2:ih:(ow-iw)/2:0\" -crf 26", 0, 6, 4, 1, 1},
    {"brighter", "-vf eq=brightness=0.08:contrast=1.15 -crf 26", 0, 6, 0, 1, 1},
    {"half the frames", "-r 12.5 -crf 26", 0, 6, 0, 1, 1},
    {"faster", "-vf setpts=PTS/1.1 -crf 26", 0, 6, 0, 1, 1.1},
    {"captioned", "-vf drawbox=x=iw*0.3:y=ih*0.86:w=iw*0.4:h=ih*0.08:color=white:t=fill -crf 26", 0, 6, 0, 1, 1},
};

static void test_edits(void)
{
    NEED_REGISTRY();
    for (size_t i = 0; i < LK_COUNT(edits); i++) {
        char args[400];
        lk_copy_match m[MOST];
        snprintf(args, sizeof args, "-i " TAKE_1 " %s -an -c:v libx264 -preset ultrafast", edits[i].args);
        ffmpeg(args, "edit.mp4");
        int n = search(in_tempdir("edit.mp4"), false, m);
        CHECK(n >= 1 && m[0].level == LK_COPY_SURE && m[0].by_looks && !m[0].by_sound, "%s: %d found", edits[i].name, n);
        if (n < 1) continue;
        CHECK(!strcmp(name_of(&m[0]), TAKE_1), "%s: taken for %s", edits[i].name, name_of(&m[0]));
        /* Where the query's second 0 lies in the entry. */
        double start = m[0].entry_begin - m[0].speed * m[0].query_begin;
        CHECK(fabs(start - edits[i].begin) <= 0.3, "%s: begins at %.2f, not %.2f", edits[i].name, start, edits[i].begin);
        CHECK(m[0].share >= 0.8, "%s: share %.2f", edits[i].name, m[0].share);
        CHECK(m[0].view == edits[i].view && m[0].turned == (edits[i].view != 0), "%s: view %d", edits[i].name, m[0].view);
        CHECK(fabs(m[0].zoom - edits[i].zoom) <= 0.03, "%s: zoom %.2f", edits[i].name, m[0].zoom);
        CHECK(fabs(m[0].speed - edits[i].speed) <= 0.02, "%s: speed %.3f", edits[i].name, m[0].speed);
        CHECK(m[0].query_end - m[0].query_begin <= edits[i].length / edits[i].speed + 0.1, "%s: longer than it is", edits[i].name);
        for (int k = 1; k < n; k++) /* the other take looks alike and is no copy */
            CHECK(m[k].level == LK_COPY_ALIKE, "%s: %s is called a copy too, r %.2f", edits[i].name, name_of(&m[k]), m[k].motion);
    }
}

static void test_inside(void) /* four seconds of take 1 in the middle of something else */
{
    lk_copy_match m[MOST];
    NEED_REGISTRY();
    ffmpeg("-ss 6 -t 3 -i " SAMPLE_B " -ss 2 -t 4 -i " TAKE_1 " -f lavfi -t 3 -i testsrc2=s=320x180:r=25 -filter_complex "
           "\"[0:v]scale=320:180,setsar=1[a];[1:v]setsar=1[b];[2:v]setsar=1,format=yuv420p[c];[a][b][c]concat=n=3:v=1\" -an -c:v libx264 -preset ultrafast",
           "inside.mp4");
    int n = search(in_tempdir("inside.mp4"), false, m), at = -1;
    for (int i = 0; i < n; i++)
        if (!strcmp(name_of(&m[i]), TAKE_1)) at = i;
    CHECK(at >= 0 && m[at].level == LK_COPY_SURE, "%d found", n);
    if (at < 0) return;
    CHECK_NEAR(m[at].entry_begin - m[at].query_begin, 2 - 3, 0.5);
    CHECK(m[at].query_begin >= 2.2 && m[at].query_end <= 7.6, "seconds %.2f to %.2f of the query", m[at].query_begin, m[at].query_end);
    CHECK(m[at].share > 0.25 && m[at].share < 0.5, "share %.2f", m[at].share);
}

static void test_bars_removed(void) /* what was registered had bars, the copy has none */
{
    lk_copy_match m[MOST];
    lk_error err = {0};
    lk_copies *own = NULL, *all;
    NEED_REGISTRY();
    ffmpeg("-i " OTHER " -vf \"pad=iw:ih*1.3:0:(oh-ih)/2\" -an -c:v libx264 -preset ultrafast", "with-bars.mp4");
    CHECK_OK(lk_dir_make(in_tempdir("bars"), &err), &err);
    CHECK_OK(lk_copies_open(in_tempdir("bars"), true, &own, &err), &err);
    if (!own) return;
    add_file(own, in_tempdir("with-bars.mp4"), "added");
    all = registry;
    registry = own;
    int n = search(in_tempdir(OTHER), false, m);
    registry = all;
    CHECK(n == 1 && m[0].level == LK_COPY_SURE && m[0].view == 0, "%d found", n);
    lk_copies_close(&own);
}

static void test_exact_and_sound(void)
{
    lk_copy_match m[MOST];
    NEED_REGISTRY();
    int n = search(in_tempdir(OTHER), true, m);
    CHECK(n >= 1 && m[0].exact && m[0].level == LK_COPY_SAME, "%d found", n);
    CHECK_STR(name_of(&m[0]), OTHER);
    CHECK_STR(m[0].entry.kind, "output");
    ffmpeg("-ss 1 -t 5 -i " TAKE_2 " -vn -c:a aac -b:a 64k", "sound.m4a");
    n = search(in_tempdir("sound.m4a"), true, m);
    CHECK(n == 1 && m[0].level == LK_COPY_SURE && m[0].by_sound && !m[0].by_looks, "%d found", n);
    if (n) CHECK_STR(name_of(&m[0]), TAKE_2);
    if (n) CHECK_NEAR(m[0].entry_begin - m[0].query_begin, 1, 0.2);
    ffmpeg("-i " TAKE_1 " -crf 30 " X264, "both.mp4");
    n = search(in_tempdir("both.mp4"), true, m);
    CHECK(n >= 1 && !m[0].exact && m[0].by_sound && m[0].by_looks && m[0].hits > 4 && m[0].hits <= m[0].of, "%d found, %d of %d", n,
          m[0].hits, m[0].of);
}

static void test_stills(void)
{
    lk_copy_match m[MOST];
    lk_error err = {0};
    NEED_REGISTRY();
    /* A frame of a clip is found with its second, but other takes of the scene have frames as near: no copy is claimed. */
    ffmpeg("-ss 4 -i " TAKE_1 " -frames:v 1 -q:v 12", "still.jpg");
    int n = search(in_tempdir("still.jpg"), true, m);
    CHECK(n >= 1 && m[0].level == LK_COPY_ALIKE && !strcmp(name_of(&m[0]), TAKE_1), "%d found", n);
    CHECK(m[0].distance <= 10, "%.0f bits", m[0].distance);
    CHECK_NEAR(m[0].entry_begin, 4, 0.6);
    ffmpeg("-ss 9 -i " SAMPLE_B " -frames:v 1", "poster.png");
    add_file(registry, in_tempdir("poster.png"), "added");
    ffmpeg("-i poster.png -vf scale=500:300,hflip -q:v 8", "copy.jpg");
    n = search(in_tempdir("copy.jpg"), true, m);
    CHECK(n >= 1 && m[0].level == LK_COPY_SURE && m[0].view == 4 && !strcmp(name_of(&m[0]), "poster.png"), "%d found, view %d, %.0f bits", n,
          m[0].view, m[0].distance);
    CHECK_NEAR(m[0].share, 1, 1e-9);
    ffmpeg("-f lavfi -i mandelbrot=s=320x240 -frames:v 1", "stranger.png");
    CHECK_INT(search(in_tempdir("stranger.png"), true, m), 0);
    lk_hash hash;
    CHECK_OK(lk_hash_file(in_tempdir("poster.png"), &hash, &err), &err);
    CHECK_OK(lk_copies_remove(registry, &hash, &err), &err);
    n = search(in_tempdir("copy.jpg"), true, m);
    CHECK(!n || m[0].level == LK_COPY_ALIKE, "what was removed is not found");
}

static void test_strangers(void)
{
    static const char *const sources[] = {"testsrc2=s=320x180:r=25:d=4", "mandelbrot=s=320x180:r=25,trim=duration=4",
                                          "color=gray:s=320x180:r=25:d=4", "life=s=320x180:r=25:mold=10,trim=duration=4"};
    NEED_REGISTRY();
    for (size_t i = 0; i < LK_COUNT(sources); i++) {
        char args[300];
        lk_copy_match m[MOST];
        snprintf(args, sizeof args, "-f lavfi -i \"%s\" -an -c:v libx264 -preset ultrafast -pix_fmt yuv420p", sources[i]);
        ffmpeg(args, "stranger.mp4");
        CHECK_INT(search(in_tempdir("stranger.mp4"), true, m), 0);
    }
    /* The rest of the actor's clip: another take in front of the same wall. */
    lk_copy_match m[MOST];
    ffmpeg("-ss 30 -t 5 -i " SAMPLE_A " -vf scale=320:180 -an -c:v libx264 -preset ultrafast", "take-3.mp4");
    int n = search(in_tempdir("take-3.mp4"), true, m);
    for (int i = 0; i < n; i++) CHECK(m[i].level == LK_COPY_ALIKE, "%s is called a copy, r %.2f", name_of(&m[i]), m[i].motion);
}

static void test_no_media(void)
{
    lk_error err = {0};
    lk_copies_hashes *h = NULL;
    FILE *f = fopen(in_tempdir("notes.txt"), "w");
    fputs("no picture and no sound\n", f);
    fclose(f);
    CHECK_STATUS(lk_copies_hashes_file(in_tempdir("notes.txt"), &h, NULL, &err), LK_E_FORMAT, &err);
    CHECK(!h && strstr(err.message, "notes.txt"), "%s", err.message);
    CHECK_STATUS(lk_copies_hashes_file(in_tempdir("absent.mp4"), &h, NULL, &err), LK_E_NOTFOUND, &err);
    lk_cancel *stop = lk_cancel_new();
    lk_cancel_raise(stop);
    CHECK_STATUS(lk_copies_hashes_file(SAMPLE_B, &h, stop, &err), LK_E_CANCELLED, &err);
    CHECK(!h, "nothing is left");
    lk_cancel_free(stop);
}

static const check_test tests[] = {
    {"edits", test_edits},   {"inside", test_inside},       {"bars_removed", test_bars_removed}, {"exact_and_sound", test_exact_and_sound},
    {"stills", test_stills}, {"strangers", test_strangers}, {"no_media", test_no_media},
};

int main(int argc, char **argv)
{
    tempdir_make("copies");
    int rc = check_main(argc, argv, tests, (int)LK_COUNT(tests));
    lk_copies_close(&registry);
    return tempdir_remove(rc);
}
