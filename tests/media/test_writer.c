/* test_writer.c: what goes in comes out: times, tags, sound, and nothing at all when something fails. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "clips.h"
#include "fault.h"
#include "media/impl.h"
#include "media/writer.h"

static lk_error err;

/* Finish the draft and copy it to where the test can look at it: the writer itself cannot publish. By the C library, which
 * no injected fault reaches. */
static lk_status keep(lk_writer *w, const char *to)
{
    char name[1100], buf[4096];
    LK_TRY(lk_writer_finish(w, name, sizeof(name), &err));
    FILE *in = fopen(name, "rb"), *out = fopen(to, "wb");
    bool ok = in && out;
    for (size_t n; ok && (n = fread(buf, 1, sizeof(buf), in)) > 0;) ok = fwrite(buf, 1, n, out) == n;
    if (in) fclose(in);
    if (out && fclose(out)) ok = false;
    if (!ok) unlink(to);
    return ok ? LK_OK : LK_FAIL(&err, LK_E_IO, "%s: the disk is full", to);
}

/* Read from, write all its frames to, with its sound. */
static lk_status copy_clip(const char *from, const char *to, const char *audio_from, int crf)
{
    lk_reader *r = NULL;
    lk_writer *w = NULL;
    lk_frame *f = NULL;
    LK_TRY(lk_reader_open(from, &r, &err));
    static const char *const tags[] = {"comment", "a comment", "synthetic", "yes", NULL};
    lk_writer_spec spec = {.path = to,
                           .like = lk_reader_info(r),
                           .audio_from = audio_from,
                           .tags = tags,
                           .crf = crf,
                           .preset = "ultrafast"};
    lk_status s = lk_writer_open(&spec, &w, &err);
    while (s == LK_OK && (s = lk_reader_next(r, &f, &err)) == LK_OK) {
        s = lk_writer_frame(w, f, &err);
        lk_frame_unref(&f);
    }
    if (s == LK_END) s = keep(w, to);
    lk_writer_abort(&w);
    lk_reader_close(&r);
    return s;
}

/* The same command on both files prints the same. */
static void same_output(const char *what, const char *command, const char *a, const char *b)
{
    char full[800];
    if (!command) return; /* never: said for the compiler, which loses sight of the callers under sanitizers */
    snprintf(full, sizeof(full), command, a);
    char *x = shell(full);
    snprintf(full, sizeof(full), command, b);
    char *y = shell(full);
    CHECK(x && y && strlen(x) > 5 && !strcmp(x, y), "%s of %s and %s differ:\n%.300s\n---\n%.300s", what, a,
          b, x, y);
    free(x);
    free(y);
}

#define PLAIN " -of default=nk=1:nw=1 '%s'"
#define VIDEO_OF "ffprobe -v error -select_streams v -show_entries "
#define AUDIO_OF "ffprobe -v error -select_streams a -show_data_hash md5 -show_entries "
#define PTS_OF VIDEO_OF "frame=pts_time" PLAIN
#define TICKS_OF VIDEO_OF "frame=pts:stream=time_base" PLAIN
#define SOUND_OF AUDIO_OF "packet=size,data_hash" PLAIN
#define SOUND_TIMES_OF AUDIO_OF "packet=pts_time,dts_time,duration_time" PLAIN
#define COLOUR_OF                                                                                  \
    VIDEO_OF "stream=width,height,pix_fmt,color_range,color_space,color_transfer,color_primaries," \
             "sample_aspect_ratio" PLAIN
#define PCM_OF "ffmpeg -v error -nostdin -i '%s' -map 0:a -f md5 -"

static void times_and_sound_are_kept(void)
{
    NEED_FFMPEG();
    static const struct {
        const char *name, *args;
        bool sound_times;
    } rows[] = {
        {"ntsc.mp4", LAVFI_VIDEO("160x120", "30000/1001", "2") LAVFI_SOUND("2") H264 "-bf 2 -c:a aac", true},
        {"vfr.mp4", LAVFI_VIDEO("160x120", "25", "3") LAVFI_SOUND("3") VFR H264 "-bf 2 -c:a aac", true},
        {"vfr.mkv", LAVFI_VIDEO("160x120", "25", "3") LAVFI_SOUND("3") VFR H264 "-c:a libmp3lame", false},
        {"alac.mov", LAVFI_VIDEO("160x120", "25", "2") LAVFI_SOUND("2") H264 "-c:a alac", true},
        {"flac.mkv", LAVFI_VIDEO("160x120", "25", "2") LAVFI_SOUND("2") H264 "-c:a flac", false},
        {"opus.mkv", LAVFI_VIDEO("160x120", "25", "2") LAVFI_SOUND("2") H264 "-c:a libopus", false},
        {"24.mkv", LAVFI_VIDEO("160x120", "24000/1001", "2") H264, false},
        {"slow.mp4", LAVFI_VIDEO("160x120", "1/2", "8") H264, false},
    };
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        const char *from = make_clip(rows[i].name, rows[i].args), *to = in_tempdir("out.mp4");
        CHECK_OK(copy_clip(from, to, from, 0), &err);
        same_output("times", PTS_OF, from, to);
        same_output("ticks", TICKS_OF, from, to);
        if (!strstr(rows[i].args, "sine")) continue;
        same_output("sound packets", SOUND_OF, from, to);
        if (rows[i].sound_times) same_output("sound times", SOUND_TIMES_OF, from, to);
    }
}

/* Seconds of the first white picture and of the first loud sample. */
static double flash_at(const char *path)
{
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    double at = -1;
    CHECK_OK(lk_reader_open(path, &r, &err), &err);
    while (at < 0 && lk_reader_next(r, &f, &err) == LK_OK) {
        lk_image im;
        CHECK_OK(lk_frame_to_image(f, &im, &err), &err);
        if (im.data[0] > 0.5f) at = lk_frame_get_info(f).seconds;
        lk_image_clear(&im);
        lk_frame_unref(&f);
    }
    lk_reader_close(&r);
    return at;
}

static double beep_at(const char *path)
{
    lk_audio a;
    double at = -1;
    CHECK_OK(lk_audio_read(path, 0, 1, &a, &err), &err);
    for (int64_t i = 0; i < a.samples && at < 0; i++)
        if (fabsf(a.data[i]) > 0.3f) at = (double)i / a.rate;
    lk_audio_clear(&a);
    return at;
}

/* A picture track that starts late against its sound stays late. */
static void offsets_are_kept(void)
{
    NEED_FFMPEG();
    make_clip("n.mp4", LAVFI_VIDEO("160x120", "25", "2") LAVFI_SOUND("2") H264 "-bf 2 -c:a aac");
    const char *from = make_clip("late.mp4", "-itsoffset 0.5 -i n.mp4 -i n.mp4 -map 0:v -map 1:a -c copy"),
               *to = in_tempdir("out.mp4");
    CHECK_OK(copy_clip(from, to, from, 0), &err);
    same_output("times", PTS_OF, from, to);
    same_output("sound times", SOUND_TIMES_OF, from, to);
    from = make_clip("late2.mp4", "-i n.mp4 -itsoffset 0.25 -i n.mp4 -map 0:v -map 1:a -c copy");
    CHECK_OK(copy_clip(from, to, from, 0), &err);
    same_output("times", PTS_OF, from, to);
    same_output("sound times", SOUND_TIMES_OF, from, to);
    /* A broadcast stream starts its clock at 1.4 s; both tracks move to the clip's zero together. */
    from = make_clip("b.ts", FLASH BEEP "-c:v mpeg2video -c:a mp2");
    CHECK_OK(copy_clip(from, to, from, 0), &err);
    same_output("sound packets", SOUND_OF, from, to);
    double flash = flash_at(to), beep = beep_at(to);
    CHECK(flash > 0.9 && beep > 0.9, "flash at %g, beep at %g", flash, beep);
    CHECK_NEAR(flash - beep, flash_at(from) - beep_at(from), 0.001);
}

/* PCM cannot go into MP4: it is kept without loss as FLAC; into MOV it goes as it is. */
static void pcm_loses_nothing(void)
{
    NEED_FFMPEG();
    static const struct {
        const char *name, *codec, *to, *how;
    } rows[] = {
        {"p16.mov", "pcm_s16le", "out.mp4", "pcm_s16le to flac"},
        {"p24.mov", "pcm_s24le", "out.mp4", "pcm_s24le to flac"},
        {"p16.mov", "pcm_s16le", "out.mov", "pcm_s16le, copied"},
    };
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        char args[300];
        snprintf(args, sizeof(args), "%s -f lavfi -i anoisesrc=d=2:r=44100:a=0.3 %s -c:a %s",
                 LAVFI_VIDEO("160x120", "25", "2"), H264, rows[i].codec);
        const char *from = make_clip(rows[i].name, args), *to = in_tempdir(rows[i].to);
        CHECK_OK(copy_clip(from, to, from, 0), &err);
        same_output("decoded sound", i == 1 ? PCM_OF " -c:a pcm_s24le" : PCM_OF, from, to);
        lk_writer *w = NULL;
        lk_writer_spec spec = {
            .path = to, .width = 64, .height = 64, .time_base = {1, 25}, .audio_from = from};
        CHECK_OK(lk_writer_open(&spec, &w, &err), &err);
        CHECK_STR(lk_writer_sound(w), rows[i].how);
        lk_writer_abort(&w);
    }
}

/* Size, subsampling, depth and colour tags come out as they went in, where H.264 has them. */
static void formats_are_kept(void)
{
    NEED_FFMPEG();
    static const struct {
        const char *name, *args;
    } rows[] = {
        {"ten.mp4", "-pix_fmt yuv420p10le " BT2020},
        {"p422.mp4", "-pix_fmt yuv422p " BT709},
        {"p444.mp4", "-pix_fmt yuv444p10le"},
        {"full.mp4", "-pix_fmt yuv420p -vf scale=out_range=full -color_range pc -colorspace smpte170m"},
        {"wide.mp4", "-pix_fmt yuv420p -aspect 16:9"},
    };
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        char args[400];
        snprintf(args, sizeof(args), "%s %s %s", LAVFI_VIDEO("144x96", "25", "0.4"), H264, rows[i].args);
        const char *from = make_clip(rows[i].name, args), *to = in_tempdir("out.mp4");
        CHECK_OK(copy_clip(from, to, NULL, 0), &err);
        same_output("format", COLOUR_OF, from, to);
    }
    /* Odd sides stay, in 4:4:4; grey and GIF become what players understand. */
    static const struct {
        const char *name, *args;
        int w, h;
        lk_chroma chroma;
    } others[] = {
        {"odd.webm", ODD("321x183", "321:183") "-c:v libvpx", 321, 183, LK_CHROMA_444},
        {"tall.mkv", ODD("320x183", "320:183") "-c:v ffv1", 320, 183, LK_CHROMA_444},
        {"g.mkv", LAVFI_VIDEO("64x48", "25", "0.4") "-pix_fmt gray -c:v ffv1", 64, 48, LK_CHROMA_420},
        {"a.gif", LAVFI_VIDEO("64x48", "10", "0.5"), 64, 48, LK_CHROMA_420},
    };
    for (size_t i = 0; i < LK_COUNT(others); i++) {
        const char *from = make_clip(others[i].name, others[i].args), *to = in_tempdir("out.mp4");
        CHECK_OK(copy_clip(from, to, NULL, 1), &err);
        lk_reader *a = NULL, *b = NULL;
        lk_frame *f = NULL, *g = NULL;
        CHECK_OK(lk_reader_open(from, &a, &err), &err);
        CHECK_OK(lk_reader_open(to, &b, &err), &err);
        const lk_media_info *m = lk_reader_info(b);
        CHECK(m->width == others[i].w && m->height == others[i].h && m->chroma == others[i].chroma,
              "%s: %d x %d, chroma %d", others[i].name, m->width, m->height, m->chroma);
        while (lk_reader_next(a, &f, &err) == LK_OK) {
            lk_image x, y;
            CHECK_OK(lk_reader_next(b, &g, &err), &err);
            CHECK_OK(lk_image_new(m->width, m->height, 1, &x, &err), &err);
            CHECK_OK(lk_image_new(m->width, m->height, 1, &y, &err), &err);
            CHECK_OK(lk_frame_get_rgb(f, 0, 0, &x, &err), &err);
            CHECK_OK(lk_frame_get_rgb(g, 0, 0, &y, &err), &err);
            double d = 0;
            for (int k = 0; k < x.w * x.h; k++) d += fabs((double)x.data[k] - y.data[k]);
            /* GIF's luma is by other weights than the clip's; what is compared there is only that it is the
             * same picture */
            CHECK(d / (x.w * x.h) < (others[i].chroma == LK_CHROMA_420 && i == 3 ? 0.1 : 0.02),
                  "%s differs by %g", others[i].name, d / (x.w * x.h));
            lk_image_clear(&x);
            lk_image_clear(&y);
            lk_frame_unref(&f);
            lk_frame_unref(&g);
        }
        lk_reader_close(&a);
        lk_reader_close(&b);
    }
}

/* The source is never the target, not even through a link. */
static void source_is_not_replaced(void)
{
    NEED_FFMPEG();
    const char *from = make_clip("mine.mp4", LAVFI_VIDEO("96x64", "25", "0.2") H264);
    int64_t size = lk_file_size(from);
    CHECK_STATUS(copy_clip(from, from, NULL, 0), LK_E_ARG, &err);
    CHECK_INT(symlink(from, in_tempdir("link.mp4")), 0);
    CHECK_STATUS(copy_clip(from, in_tempdir("link.mp4"), from, 0), LK_E_ARG, &err);
    CHECK_INT(lk_file_size(from), size);
    CHECK_INT(count_like(tempdir, "mine.mp4"), 1);
}

static void tags_and_index_are_written(void)
{
    NEED_FFMPEG();
    const char *from = make_clip("t.mp4", LAVFI_VIDEO("96x64", "25", "0.4") H264),
               *to = in_tempdir("out.mp4");
    char command[500], *text;
    CHECK_OK(copy_clip(from, to, NULL, 0), &err);
    snprintf(command, sizeof(command), "ffprobe -v error -show_entries format_tags -of default=nw=1 '%s'",
             to);
    text = shell(command);
    CHECK(strstr(text, "TAG:comment=a comment") && strstr(text, "TAG:synthetic=yes"), "tags: %s", text);
    free(text);
    void *data = NULL;
    size_t n = 0;
    CHECK_OK(lk_file_read(to, 1 << 26, &data, &n, &err), &err);
    char *index = memmem(data, n, "moov", 4), *samples = memmem(data, n, "mdat", 4);
    CHECK(index && samples && index < samples, "the index does not come first");
    lk_free(data);
}

/* --- failing ------------------------------------------------------------------------------ */

static lk_status write_plain(const char *path, int frames, bool finish)
{
    lk_writer *w = NULL;
    lk_image im;
    lk_frame *f = NULL;
    lk_writer_spec spec = {.path = path,
                           .width = 128,
                           .height = 96,
                           .time_base = {1, 25},
                           .crf = 4,
                           .preset = "ultrafast",
                           .threads = 1};
    lk_status s = lk_writer_open(&spec, &w, &err);
    for (int i = 0; i < frames && s == LK_OK; i++) {
        s = lk_image_new(128, 96, 3, &im, &err);
        lk_rng r = lk_rng_at(9, 0, 0, (uint64_t)i);
        for (int k = 0; s == LK_OK && k < 128 * 96 * 3; k++) im.data[k] = lk_rng_uniform(&r);
        if (s == LK_OK) s = lk_frame_from_image(&im, &f, &err);
        if (s == LK_OK) s = lk_frame_set_time(f, i, 1, (lk_rational){1, 25}, &err);
        if (s == LK_OK) s = lk_writer_frame(w, f, &err);
        lk_frame_unref(&f);
        lk_image_clear(&im);
    }
    if (s == LK_OK && finish) s = keep(w, path);
    lk_writer_abort(&w);
    return s;
}

static void made_clips_and_misuse(void)
{
    const char *path = in_tempdir("plain.mp4");
    CHECK_OK(write_plain(path, 5, true), &err);
    lk_reader *r = NULL;
    CHECK_OK(lk_reader_open(path, &r, &err), &err);
    CHECK_INT(lk_reader_info(r)->color_matrix, 1);
    CHECK_INT(lk_reader_info(r)->frames, 5);
    lk_reader_close(&r);
    CHECK_OK(write_plain(in_tempdir("gone.mp4"), 5, false), &err);
    CHECK_INT(count_like(tempdir, "gone.mp4"), 0);
    CHECK_STATUS(write_plain(in_tempdir("none.mp4"), 0, true), LK_E_STATE, &err);
    CHECK_STATUS(write_plain(in_tempdir("clip.avi"), 1, true), LK_E_ARG, &err);
    CHECK_STATUS(write_plain(in_tempdir("no/folder/clip.mp4"), 1, true), LK_E_IO, &err);
    CHECK(strstr(err.message, "folder") != NULL, "%s", err.message);
    CHECK_OK(lk_dir_make(in_tempdir("dir.mp4"), &err), &err);
    CHECK_STATUS(write_plain(in_tempdir("dir.mp4"), 1, true), LK_E_ARG, &err);

    lk_writer *w = NULL;
    lk_frame *f = NULL;
    lk_image im;
    lk_writer_spec spec = {
        .path = in_tempdir("m.mp4"), .width = 64, .height = 64, .time_base = {1, 25}, .preset = "ultrafast"};
    CHECK_OK(lk_writer_open(&spec, &w, &err), &err);
    CHECK_OK(lk_image_new(64, 64, 3, &im, &err), &err);
    CHECK_OK(lk_frame_from_image(&im, &f, &err), &err);
    CHECK_OK(lk_writer_frame(w, f, &err), &err);
    CHECK_STATUS(lk_writer_frame(w, f, &err), LK_E_ARG, &err); /* the same time again */
    CHECK_OK(lk_writer_finish(w, NULL, 0, &err), &err);
    CHECK_STATUS(lk_writer_frame(w, f, &err), LK_E_STATE, &err);
    lk_writer_abort(&w);
    CHECK_INT(count_like(tempdir, "m.mp4.part"), 0);
    lk_frame_unref(&f);
    lk_image_clear(&im);
    spec.preset = "no-such-preset";
    CHECK_STATUS(lk_writer_open(&spec, &w, &err), LK_E_ARG, &err);
    CHECK_INT(count_like(tempdir, "m.mp4"), 0);
}

/* A process killed in the middle leaves no clip and no draft. Where drafts must have names, its draft goes with the next
 * writer; a living one's stays. */
static void killed_writer(bool named)
{
    const char *path = in_tempdir("killed.mp4");
    unlink(path);
    if (named) lk_fault_set(LK_FAULT_UNNAMED, 1, true);
    int ready[2];
    char c;
    CHECK(pipe(ready) == 0, "no pipe");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        lk_writer *w = NULL;
        lk_frame *f = NULL;
        lk_image im;
        lk_writer_spec spec = {.path = path, .width = 128, .height = 96, .time_base = {1, 25}, .threads = 1};
        if (lk_writer_open(&spec, &w, &err) || lk_image_new(128, 96, 3, &im, &err)) _exit(1);
        for (int i = 0;; i++) {
            if (lk_frame_from_image(&im, &f, &err) || lk_frame_set_time(f, i, 1, (lk_rational){1, 25}, &err))
                _exit(1);
            if (lk_writer_frame(w, f, &err)) _exit(1);
            lk_frame_unref(&f);
            if (i == 60 && write(ready[1], "x", 1) != 1) _exit(1);
        }
    }
    CHECK(read(ready[0], &c, 1) == 1, "the child died early");
    close(ready[0]);
    close(ready[1]);
    CHECK_INT(count_like(tempdir, "killed.mp4.part-"), named);
    CHECK_OK(write_plain(path, 2, false), &err); /* a second writer beside the living one */
    CHECK_INT(count_like(tempdir, "killed.mp4.part-"), named);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK_INT(access(path, F_OK), -1);
    CHECK_INT(count_like(tempdir, "killed.mp4.part-"), named);
    CHECK_OK(write_plain(path, 2, true), &err);
    CHECK_INT(count_like(tempdir, "killed.mp4.part-"), 0);
    CHECK_INT(access(path, F_OK), 0);
    lk_fault_set(LK_FAULT_UNNAMED, 0, false);
}

static void killed_writer_leaves_nothing(void)
{
    killed_writer(false);
    killed_writer(true);
}

/* The disk that is full at byte n, for several n: an error that says so, the old file as it was, nothing
 * else. */
static void full_disk_leaves_nothing(void)
{
    const char *path = in_tempdir("full.mp4");
    static const long sizes[] = {0, 100, 5000, 60000, 200000};
    CHECK_OK(lk_file_write_atomic(path, "old", 3, &err), &err);
    for (size_t i = 0; i < LK_COUNT(sizes); i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            signal(SIGXFSZ, SIG_IGN);
            struct rlimit limit = {(rlim_t)sizes[i], (rlim_t)sizes[i]};
            setrlimit(RLIMIT_FSIZE, &limit);
            lk_status s = write_plain(path, 60, true);
            _exit(s == LK_E_IO && strstr(err.message, "full") ? 0 : 1);
        }
        int status = -1;
        waitpid(child, &status, 0);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "limit %ld: child status %d", sizes[i], status);
        CHECK_INT(count_like(tempdir, "full.mp4"), 1);
        CHECK_INT(lk_file_size(path), 3);
    }
}

static void faults_leave_nothing(void)
{
    NEED_FFMPEG();
    const char *from = make_clip("f.mp4",
                                 LAVFI_VIDEO("64x48", "25", "0.2") LAVFI_SOUND("0.2") H264 "-c:a aac"),
               *to = in_tempdir("fault.mp4");
    for (int kind = 0; kind < LK_FAULT_KINDS; kind++)
        FAULT_LOOP((lk_fault_kind)kind, false, {
            lk_status s = copy_clip(from, to, from, 0);
            bool there = access(to, F_OK) == 0;
            CHECK(fault_clean(s), "status %d: %s", s, err.message);
            CHECK(there == (s == LK_OK), "status %d and the clip is %s", s, there ? "there" : "not there");
            CHECK_INT(count_like(tempdir, "fault.mp4.part-"), 0);
            unlink(to);
        });
    lk_image im;
    CHECK_OK(lk_image_new(20, 20, 3, &im, &err), &err);
    static const char *const kinds[] = {"png", "jpg"};
    static const char *const tags[] = {"key", "value", NULL};
    for (int k = 0; k < 2; k++)
        FAULT_LOOP(LK_FAULT_ALLOC, false, {
            void *data = NULL;
            size_t n = 0;
            lk_status s = lk_still_encode(&im, kinds[k], tags, &data, &n, &err);
            CHECK(fault_clean(s) && (s == LK_OK) == (data != NULL), "status %d", s);
            lk_free(data);
        });
    CHECK_STATUS(lk_still_encode(&im, "bmp", NULL, &(void *){NULL}, &(size_t){0}, &err), LK_E_ARG, &err);
    lk_image_clear(&im);
}

static const check_test tests[] = {
    {"times and sound are kept", times_and_sound_are_kept},
    {"offsets are kept", offsets_are_kept},
    {"PCM loses nothing", pcm_loses_nothing},
    {"formats are kept", formats_are_kept},
    {"the source is not replaced", source_is_not_replaced},
    {"tags and index are written", tags_and_index_are_written},
    {"made clips and misuse", made_clips_and_misuse},
    {"a killed writer leaves nothing", killed_writer_leaves_nothing},
    {"a full disk leaves nothing", full_disk_leaves_nothing},
    {"faults leave nothing", faults_leave_nothing},
};

int main(int argc, char **argv)
{
    tempdir_make("writer");
    return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
}
