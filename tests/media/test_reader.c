/* test_reader.c: reading clips, stills and sound of every shape, and the answers to bad ones. */
#include "clips.h"
#include "fault.h"
#include "media/impl.h"
#include "media/writer.h"

static lk_error err;

typedef struct walk {
    int frames;
    int64_t pts[4096];
    lk_frame_info first, last;
    int64_t skipped;
    lk_status status;
} walk;

static walk walk_clip(lk_reader *r)
{
    walk w = {0};
    lk_frame *f;
    while ((w.status = lk_reader_next(r, &f, &err)) == LK_OK) {
        w.last = lk_frame_get_info(f);
        if (!w.frames) w.first = w.last;
        CHECK_INT(w.last.index, w.frames);
        CHECK(!w.frames || w.last.pts > w.pts[w.frames - 1], "time stands still at frame %d", w.frames);
        if (w.frames < 4096) w.pts[w.frames++] = w.last.pts;
        lk_frame_unref(&f);
    }
    CHECK(f == NULL, "a frame with status %d", w.status);
    w.skipped = lk_reader_skipped(r);
    return w;
}

static walk walk_path(const char *path, lk_media_info *info)
{
    lk_reader *r = NULL;
    walk w = {0};
    CHECK_OK(lk_reader_open(path, &r, &err), &err);
    if (!r) return w;
    *info = *lk_reader_info(r);
    w = walk_clip(r);
    lk_reader_close(&r);
    return w;
}

static void constant_rate(void)
{
    NEED_FFMPEG();
    lk_media_info m;
    walk w = walk_path(make_clip("ntsc.mp4", LAVFI_VIDEO("320x240", "30000/1001", "2") LAVFI_SOUND("2") H264
                                 "-bf 2 -c:a aac"),
                       &m);
    CHECK_STATUS(w.status, LK_END, &err);
    CHECK_INT(w.frames, 60);
    CHECK_INT(m.width, 320);
    CHECK_INT(m.time_base.den, 30000);
    CHECK_INT(m.frame_rate.num, 30000);
    CHECK_INT(m.frame_rate.den, 1001);
    CHECK(!m.variable_rate && m.has_audio && !m.is_still, "a plain clip");
    CHECK_INT(m.sample_rate, 48000);
    CHECK_INT(m.frames, 60);
    CHECK_STR(m.audio_codec, "aac");
    for (int i = 0; i < w.frames; i++) CHECK_INT(w.pts[i], i * 1001);
    CHECK_NEAR(w.last.seconds, 59 * 1001.0 / 30000, 1e-9);
}

/* Compared tick by tick with what ffprobe says of the same file. */
static void check_pts(const char *path, const walk *w)
{
    char command[600], *text, *at;
    snprintf(command, sizeof(command),
             "ffprobe -v error -select_streams v -show_entries frame=pts -of default=nk=1:nw=1 '%s'", path);
    text = at = shell(command);
    int n = 0;
    for (char *end; at && *at; at = end, n++) {
        long long v = strtoll(at, &end, 10);
        if (end == at) break;
        while (*end == '\n') end++;
        if (n < w->frames) CHECK_INT(w->pts[n], v);
    }
    CHECK_INT(w->frames, n);
    free(text);
}

static void variable_rate(void)
{
    NEED_FFMPEG();
    lk_media_info m;
    const char *path = make_clip("vfr.mp4", LAVFI_VIDEO("160x120", "25", "4") VFR "-bf 2 " H264);
    walk w = walk_path(path, &m);
    CHECK(m.variable_rate, "the rate varies");
    CHECK(w.frames > 30, "%d frames", w.frames);
    check_pts(path, &w);
    path = make_clip("vfr.mkv", LAVFI_VIDEO("160x120", "25", "4") VFR H264);
    w = walk_path(path, &m);
    check_pts(path, &w);
}

/* The upright picture of a turned file is the plain picture, turned. */
static void rotation(void)
{
    NEED_FFMPEG();
    make_clip("plain.mp4", LAVFI_VIDEO("64x48", "25", "0.2") H264 "-qp 0 -pix_fmt yuv444p");
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    lk_image plain, turned;
    CHECK_OK(lk_reader_open(in_tempdir("plain.mp4"), &r, &err), &err);
    CHECK_OK(lk_reader_next(r, &f, &err), &err);
    CHECK_OK(lk_frame_to_image(f, &plain, &err), &err);
    lk_frame_unref(&f);
    lk_reader_close(&r);
    for (int deg = 90; deg < 360; deg += 90) {
        char args[100], name[20];
        /* The ffmpeg command counts this tag anticlockwise. */
        snprintf(args, sizeof(args), "-i plain.mp4 -c copy -metadata:s:v rotate=%d", 360 - deg);
        snprintf(name, sizeof(name), "rot%d.mp4", deg);
        const char *path = make_clip(name, args);
        CHECK_OK(lk_reader_open(path, &r, &err), &err);
        const lk_media_info *m = lk_reader_info(r);
        CHECK_INT(m->rotation, deg);
        CHECK_INT(m->width, deg == 180 ? 64 : 48);
        CHECK_OK(lk_reader_next(r, &f, &err), &err);
        CHECK_OK(lk_frame_to_image(f, &turned, &err), &err);
        double worst = 0;
        for (int y = 0; y < 48; y++)
            for (int x = 0; x < 64; x++) {
                int u = deg == 90    ? 47 - y
                        : deg == 180 ? 63 - x
                                     : y,
                    v = deg == 90    ? x
                        : deg == 180 ? 47 - y
                                     : 63 - x;
                for (int k = 0; k < 3; k++)
                    worst = fmax(worst, fabs((double)plain.data[(y * 64 + x) * 3 + k] -
                                             turned.data[(v * turned.w + u) * 3 + k]));
            }
        CHECK(worst < 1e-6, "turned by %d: off by %g", deg, worst);
        lk_image_clear(&turned);
        lk_frame_unref(&f);
        lk_reader_close(&r);
    }
    lk_image_clear(&plain);
}

static void formats_and_depths(void)
{
    NEED_FFMPEG();
    static const struct {
        const char *name, *args;
        int w, h, depth;
        lk_chroma chroma;
        int matrix;
    } rows[] = {
        {"ten.mp4", LAVFI_VIDEO("128x96", "25", "0.4") "-pix_fmt yuv420p10le " BT2020 H264, 128, 96, 10,
         LK_CHROMA_420, 9},
        {"p422.mov", LAVFI_VIDEO("128x96", "25", "0.4") "-pix_fmt yuv422p -colorspace bt709 " H264, 128, 96,
         8, LK_CHROMA_422, 1},
        {"p444.mkv", LAVFI_VIDEO("128x96", "25", "0.4") "-pix_fmt yuv444p " H264, 128, 96, 8, LK_CHROMA_444,
         2},
        {"odd.webm", ODD("321x183", "321:183") "-c:v libvpx", 321, 183, 8, LK_CHROMA_420, -1},
        {"a.gif", LAVFI_VIDEO("64x48", "10", "0.5"), 64, 48, 8, LK_CHROMA_RGB, 0},
        {"grey.mkv", LAVFI_VIDEO("64x48", "25", "0.4") "-pix_fmt gray -c:v ffv1", 64, 48, 8, LK_CHROMA_GREY,
         2},
        {"deep.mkv", LAVFI_VIDEO("64x48", "25", "0.4") "-pix_fmt yuv444p12le -c:v ffv1", 64, 48, 10,
         LK_CHROMA_444, 2},
        {"a.avi", LAVFI_VIDEO("96x64", "25", "0.4") "-c:v mjpeg -q:v 3 -pix_fmt yuvj422p", 96, 64, 8,
         LK_CHROMA_422, 5},
        {"a.ts", LAVFI_VIDEO("96x64", "25", "0.4") LAVFI_SOUND("0.4") "-c:v mpeg2video -c:a mp2", 96, 64, 8,
         LK_CHROMA_420, -1},
        {"deep.png", LAVFI_VIDEO("64x48", "25", "0.4") "-pix_fmt rgb48be -frames:v 1", 64, 48, 10,
         LK_CHROMA_RGB, 0},
    };
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        lk_media_info m = {.width = 0};
        walk w = walk_path(make_clip(rows[i].name, rows[i].args), &m);
        CHECK_STATUS(w.status, LK_END, &err);
        CHECK(w.frames > 0 && w.skipped == 0, "%s: %d frames, %d skipped", rows[i].name, w.frames,
              (int)w.skipped);
        CHECK(m.width == rows[i].w && m.height == rows[i].h, "%s: %d x %d", rows[i].name, m.width, m.height);
        CHECK(m.bit_depth == rows[i].depth && m.chroma == rows[i].chroma, "%s: depth %d chroma %d",
              rows[i].name, m.bit_depth, m.chroma);
        CHECK(rows[i].matrix < 0 || m.color_matrix == rows[i].matrix, "%s: matrix %d", rows[i].name,
              m.color_matrix);
        CHECK(w.first.pts == 0 || !strcmp(rows[i].name, "a.ts"), "%s starts at %d", rows[i].name,
              (int)w.first.pts);
        CHECK(w.first.seconds >= 0 && w.first.seconds < 0.1, "%s starts at %g s", rows[i].name,
              w.first.seconds);
    }
}

/* A PNG read back is the picture that was encoded, to the bit; tags and orientation of stills. */
static void stills(void)
{
    lk_image im, back;
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    void *data;
    size_t n;
    const char *tags[] = {"comment", "a test", "author", "J\xc3\xb6rg", NULL};
    CHECK_OK(lk_image_new(53, 31, 3, &im, &err), &err);
    lk_rng rng = lk_rng_at(3, 0, 0, 0);
    for (int i = 0; i < 53 * 31 * 3; i++) im.data[i] = (float)lk_rng_below(&rng, 256) / 255.0f;
    CHECK_OK(lk_still_encode(&im, "png", tags, &data, &n, &err), &err);
    CHECK(memmem(data, n, "tEXtcomment\0a test", 18) &&
              memmem(data, n, "iTXtauthor\0\0\0\0\0J\xc3\xb6rg", 20),
          "the tags are inside");
    CHECK_OK(lk_file_write_atomic(in_tempdir("s.png"), data, n, &err), &err);
    lk_free(data);
    CHECK_OK(lk_reader_open(in_tempdir("s.png"), &r, &err), &err);
    CHECK(lk_reader_info(r)->is_still, "a PNG is a still");
    for (int pass = 0; pass < 2; pass++) {
        CHECK_OK(lk_reader_next(r, &f, &err), &err);
        CHECK_OK(lk_frame_to_image(f, &back, &err), &err);

        for (int i = 0; i < 53 * 31 * 3; i++) CHECK_NEAR(back.data[i], im.data[i], 1e-6);
        lk_image_clear(&back);
        lk_frame_unref(&f);
        CHECK_STATUS(lk_reader_next(r, &f, &err), LK_END, &err);
        CHECK_OK(lk_reader_rewind(r, &err), &err);
    }
    lk_reader_close(&r);

    /* JPEG of a smooth picture: close; with an EXIF orientation: turned. */
    for (int i = 0; i < 53 * 31; i++) {
        im.data[3 * i] = (float)(i % 53) / 53;
        im.data[3 * i + 1] = (float)(i / 53) / 31;
        im.data[3 * i + 2] = 0.4f;
    }
    CHECK_OK(lk_still_encode(&im, "jpg", tags, &data, &n, &err), &err);
    CHECK(memmem(data, n, "comment: a test", 15) != NULL, "the comment is inside");
    static const uint8_t exif[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0,    0,    'M', 'M',
                                   0,    42,   0, 0,  0,   8,   0,   1,   0x01, 0x12, 0,   3,
                                   0,    0,    0, 1,  0,   6,   0,   0,   0,    0,    0,   0};
    for (int orientation = 1; orientation <= 8; orientation++) {
        uint8_t *with = malloc(n + sizeof(exif));
        memcpy(with, data, 2);
        memcpy(with + 2, exif, sizeof(exif));
        with[2 + 29] = (uint8_t)orientation;
        memcpy(with + 2 + sizeof(exif), (uint8_t *)data + 2, n - 2);
        CHECK_OK(lk_file_write_atomic(in_tempdir("e.jpg"), with, n + sizeof(exif), &err), &err);
        free(with);
        CHECK_OK(lk_reader_open(in_tempdir("e.jpg"), &r, &err), &err);
        CHECK_OK(lk_reader_next(r, &f, &err), &err);
        CHECK_OK(lk_frame_to_image(f, &back, &err), &err);
        CHECK(back.w == (orientation > 4 ? 31 : 53), "orientation %d: %d wide", orientation, back.w);
        double worst = 0;
        for (int y = 0; y < back.h; y++)
            for (int x = 0; x < back.w; x++) {
                /* where pixel (x, y) of the upright picture lies in the stored one, by the EXIF table */
                int o = orientation, sx, sy;
                if (o <= 4) {
                    sx = o == 2 || o == 3 ? 52 - x : x;
                    sy = o == 3 || o == 4 ? 30 - y : y;
                } else {
                    sx = o == 7 || o == 8 ? 52 - y : y;
                    sy = o == 6 || o == 7 ? 30 - x : x;
                }
                for (int k = 0; k < 3; k++)
                    worst = fmax(worst, fabs((double)back.data[(y * back.w + x) * 3 + k] -
                                             im.data[(sy * 53 + sx) * 3 + k]));
            }
        CHECK(worst < 0.03, "orientation %d: off by %g", orientation, worst);
        lk_image_clear(&back);
        lk_frame_unref(&f);
        lk_reader_close(&r);
    }
    lk_free(data);
    lk_image_clear(&im);
}

static void seek_and_rewind(void)
{
    NEED_FFMPEG();
    const char *path = make_clip("seek.mp4", LAVFI_VIDEO("96x64", "25", "4") H264 "-g 25 -bf 2");
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    CHECK_OK(lk_reader_open(path, &r, &err), &err);
    CHECK_OK(lk_reader_seek(r, 2.5, &err), &err);
    CHECK_OK(lk_reader_next(r, &f, &err), &err);
    CHECK_NEAR(lk_frame_get_info(f).seconds, 2.0, 1e-6);
    CHECK_INT(lk_frame_get_info(f).index, 50);
    lk_frame_unref(&f);
    CHECK_OK(lk_reader_rewind(r, &err), &err);
    walk w = walk_clip(r);
    CHECK_INT(w.frames, 100);
    CHECK_OK(lk_reader_seek(r, 1e12, &err), &err);
    CHECK_STATUS(lk_reader_seek(r, NAN, &err), LK_E_ARG, &err);
    CHECK_OK(lk_reader_seek(r, -5, &err), &err);
    w = walk_clip(r);
    CHECK_INT(w.frames, 100);
    lk_reader_close(&r);
}

/* Each bad file: the status, and a message that names the file and says what to do. */
static void expect(const char *path, lk_status want, const char *word)
{
    lk_reader *r = NULL;
    err.message[0] = 0;
    CHECK_STATUS(lk_reader_open(path, &r, &err), want, &err);
    CHECK(r == NULL, "a reader in spite of status %d", want);
    CHECK(strstr(err.message, lk_path_base(path)) && strstr(err.message, word),
          "\"%s\" should name %s and say \"%s\"", err.message, lk_path_base(path), word);
    lk_reader_close(&r);
}

static void bad_files(void)
{
    expect(in_tempdir("absent.mp4"), LK_E_NOTFOUND, "check the path");
    CHECK_OK(lk_file_write_atomic(in_tempdir("empty.mp4"), "", 0, &err), &err);
    expect(in_tempdir("empty.mp4"), LK_E_FORMAT, "is empty");
    char text[4000];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = "What is written here is a letter and no clip.\n"[i % 46];
    CHECK_OK(lk_file_write_atomic(in_tempdir("letter.mp4"), text, sizeof(text), &err), &err);
    expect(in_tempdir("letter.mp4"), LK_E_FORMAT, "not a video");
    expect(tempdir, LK_E_FORMAT, "not a file");
    lk_rng r = lk_rng_at(1, 1, 1, 1);
    for (size_t i = 0; i < sizeof(text); i++) text[i] = (char)lk_rng_u32(&r);
    CHECK_OK(lk_file_write_atomic(in_tempdir("noise.mp4"), text, sizeof(text), &err), &err);
    expect(in_tempdir("noise.mp4"), LK_E_FORMAT, "give");
    /* Files that point at other files are not followed. */
    static const struct {
        const char *name, *text;
    } pointers[] = {
        {"list.txt", "ffconcat version 1.0\nfile 'letter.mp4'\n"},
        {"list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nletter.mp4\n#EXT-X-ENDLIST\n"},
        {"list.mpd", "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" "
                     "profiles=\"urn:mpeg:dash:profile:full:2011\"></MPD>"},
    };
    for (size_t i = 0; i < LK_COUNT(pointers); i++) {
        CHECK_OK(lk_file_write_atomic(in_tempdir(pointers[i].name), pointers[i].text,
                                      strlen(pointers[i].text), &err),
                 &err);
        expect(in_tempdir(pointers[i].name), LK_E_FORMAT, "give");
    }
    char longest[2000];
    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = 0;
    lk_reader *none;
    CHECK_STATUS(lk_reader_open(longest, &none, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_reader_open("http://localhost/x.mp4", &none, &err), LK_E_NOTFOUND, &err);
    CHECK_STATUS(lk_reader_open("", &none, &err), LK_E_ARG, &err);
}

/* The clip with its index intact and noise for all its samples. */
static void hollow_out(const char *from, const char *to)
{
    void *data = NULL;
    size_t n = 0;
    lk_rng r = lk_rng_at(4, 0, 0, 0);
    CHECK_OK(lk_file_read(from, 1 << 28, &data, &n, &err), &err);
    uint8_t *samples = memmem(data, n, "mdat", 4);
    CHECK(samples != NULL, "no mdat in %s", from);
    for (uint8_t *p = samples + 4; p < (uint8_t *)data + n; p++) *p = (uint8_t)lk_rng_u32(&r);
    CHECK_OK(lk_file_write_atomic(to, data, n, &err), &err);
    lk_free(data);
}

static void damaged_clips(void)
{
    NEED_FFMPEG();
    lk_media_info m;
    make_clip("good.mp4",
              LAVFI_VIDEO("160x120", "25", "4") LAVFI_SOUND("4") H264 "-g 12 -c:a aac -movflags +faststart");
    make_clip("tail.mp4", LAVFI_VIDEO("160x120", "25", "4") H264 "-g 12");
    /* Cut in the middle: what is there is read; the index at the end lost: nothing can be. */
    walk w = walk_path(cut_file(in_tempdir("good.mp4"), "cut.mp4", 0.5), &m);
    CHECK_STATUS(w.status, LK_END, &err);
    CHECK(w.frames > 20 && w.frames < 90, "%d frames of a half file", w.frames);
    expect(cut_file(in_tempdir("tail.mp4"), "cut2.mp4", 0.5), LK_E_FORMAT, "copy or record it again");
    /* Spoilt inside: the good pictures come, the bad are counted. */
    w = walk_path(spoil_file(in_tempdir("good.mp4"), "spoilt.mp4", 0.4, 0.6, 40), &m);
    CHECK_STATUS(w.status, LK_END, &err);
    CHECK(w.frames > 40 && w.frames < 100 && w.skipped > 0, "%d frames, %d skipped", w.frames,
          (int)w.skipped);
    /* Sound only, as a file of its own and with a cover. */
    expect(make_clip("song.wav", LAVFI_SOUND("1")), LK_E_FORMAT, "only sound");
    make_clip("cover.png", LAVFI_VIDEO("64x64", "1", "1") "-frames:v 1");
    expect(make_clip("song.mp3",
                     LAVFI_SOUND("1") "-i cover.png -map 0 -map 1 -c:v copy -disposition:v attached_pic"),
           LK_E_FORMAT, "only sound");
    /* One picture. */
    w = walk_path(make_clip("one.mp4", LAVFI_VIDEO("160x120", "25", "0.04") H264), &m);
    CHECK_INT(w.frames, 1);
    /* The pictures' data all gone behind a good header. */
    hollow_out(in_tempdir("good.mp4"), in_tempdir("hollow.mp4"));
    expect(in_tempdir("hollow.mp4"), LK_E_FORMAT, "not one picture");
}

/* Headers that promise more than there is: 8k in a file of a few kilobytes, three hours in two frames. */
static void boastful_headers(void)
{
    NEED_FFMPEG();
    lk_media_info m;
    walk w = walk_path(make_clip("8k.mkv", "-f lavfi -i color=s=7680x4320:r=25:d=0.04 -c:v mjpeg -q:v 20"),
                       &m);
    CHECK(m.width == 7680 && w.frames == 1, "%d wide, %d frames", m.width, w.frames);
    const char *path = make_clip("3h.mp4",
                                 "-f lavfi -i color=s=64x64:r=1/5400:d=10800 " H264 "-movflags +faststart");
    w = walk_path(path, &m);
    CHECK_INT(w.frames, 2);
    CHECK_NEAR(m.duration, 10800, 1);
    path = make_clip("wide.mkv", "-f lavfi -i color=s=17000x16:r=25:d=0.04 -c:v ffv1");
    expect(path, LK_E_RANGE, "scale it down");
    path = make_clip("long.mkv", LAVFI_SOUND("1") "-af apad=whole_dur=14700 -ar 8000 -c:a flac");
    lk_audio a;
    CHECK_STATUS(lk_audio_read(path, 0, 0, &a, &err), LK_E_RANGE, &err);
    CHECK(a.data == NULL, "a failed sound owns something");
}

static double level(const lk_audio *a, double from, double to)
{
    double s = 0;
    int64_t n = 0;
    for (int64_t i = (int64_t)(from * a->rate); i < (int64_t)(to * a->rate) && i < a->samples; i++, n++)
        s += fabs(a->data[i * a->channels]);
    return n ? s / (double)n : 0;
}

static void sound(void)
{
    NEED_FFMPEG();
    lk_audio a;
    CHECK_OK(lk_audio_read(make_clip("a.wav", LAVFI_SOUND("1.5") "-ac 2"), 0, 0, &a, &err), &err);
    CHECK(a.rate == 48000 && a.channels == 2 && a.samples == 72000, "%d Hz, %d channels, %d samples", a.rate,
          a.channels, (int)a.samples);
    void *wav;
    size_t n;
    CHECK_OK(lk_wav_encode(&a, &wav, &n, &err), &err);
    CHECK_OK(lk_file_write_atomic(in_tempdir("b.wav"), wav, n, &err), &err);
    lk_free(wav);
    lk_audio b;
    CHECK_OK(lk_audio_read(in_tempdir("b.wav"), 0, 0, &b, &err), &err);
    CHECK(b.samples == a.samples && !memcmp(a.data, b.data, sizeof(float) * 144000),
          "16-bit sound changes on the way through WAV");
    lk_audio_clear(&b);
    CHECK_OK(lk_audio_read(in_tempdir("a.wav"), 16000, 1, &b, &err), &err);
    CHECK(b.rate == 16000 && b.channels == 1 && llabs(b.samples - 24000) < 4, "%d samples", (int)b.samples);
    CHECK_NEAR(level(&b, 0.2, 1.2), level(&a, 0.2, 1.2), 0.004);
    lk_audio_clear(&a);
    lk_audio_clear(&b);
    /* Sound that begins half a second into the clip is preceded by silence. */
    make_clip("v.mp4", LAVFI_VIDEO("64x64", "25", "2") H264);
    CHECK_OK(
        lk_audio_read(
            make_clip("late.mkv", "-i v.mp4 -itsoffset 0.5 -i a.wav -map 0:v -map 1:a -c:v copy -c:a flac"),
            0, 0, &a, &err),
        &err);
    CHECK(level(&a, 0, 0.49) == 0 && level(&a, 0.52, 1.9) > 0.02, "%g before, %g after", level(&a, 0, 0.49),
          level(&a, 0.52, 1.9));
    lk_audio_clear(&a);
    /* The decoder's run-in of AAC is not part of the sound. */
    CHECK_OK(lk_audio_read(
                 make_clip("aac.mp4",
                           "-f lavfi -i \"aevalsrc='0.5*sin(2*PI*440*t)*gt(t,0.5)':s=48000:d=1.5\" -c:a aac"),
                 0, 0, &a, &err),
             &err);
    CHECK(level(&a, 0.0, 0.48) < 0.002 && level(&a, 0.505, 0.52) > 0.2, "the beep moved: %g %g",
          level(&a, 0, 0.48), level(&a, 0.505, 0.52));
    lk_audio_clear(&a);
    CHECK_STATUS(lk_audio_read(in_tempdir("v.mp4"), 0, 0, &a, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "no sound") != NULL, "%s", err.message);
    CHECK_STATUS(lk_audio_read(in_tempdir("v.mp4"), -1, 0, &a, &err), LK_E_ARG, &err);
}

/* Memory or disk failing at every step of open, read and close. */
static void faults(void)
{
    NEED_FFMPEG();
    const char *path = make_clip("small.mp4",
                                 LAVFI_VIDEO("64x48", "25", "0.2") LAVFI_SOUND("0.2") H264 "-c:a aac");
    for (int kind = LK_FAULT_ALLOC; kind <= LK_FAULT_READ; kind++)
        FAULT_LOOP((lk_fault_kind)kind, false, {
            lk_reader *r = NULL;
            lk_frame *f = NULL;
            lk_image im;
            lk_status s = lk_reader_open(path, &r, &err);
            while (s == LK_OK) {
                s = lk_reader_next(r, &f, &err);
                if (s == LK_OK) s = lk_frame_to_image(f, &im, &err);
                if (s == LK_OK) lk_image_clear(&im);
                lk_frame_unref(&f);
            }
            CHECK(fault_clean(s) || s == LK_END, "status %d: %s", s, err.message);
            lk_reader_close(&r);
            lk_audio a;
            s = lk_audio_read(path, 16000, 1, &a, &err);
            CHECK(fault_clean(s), "status %d: %s", s, err.message);
            lk_audio_clear(&a);
        });
}

static const check_test tests[] = {
    {"constant rate", constant_rate},
    {"variable rate", variable_rate},
    {"rotation", rotation},
    {"formats and depths", formats_and_depths},
    {"stills", stills},
    {"seek and rewind", seek_and_rewind},
    {"bad files", bad_files},
    {"damaged clips", damaged_clips},
    {"boastful headers", boastful_headers},
    {"sound", sound},
    {"faults", faults},
};

int main(int argc, char **argv)
{
    tempdir_make("reader");
    return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
}
