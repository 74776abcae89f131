/* test_ffmpeg.c: real files, made by the ffmpeg command, decode to the same frames and samples after room was
 * made for a manifest and filled. Skipped where the command is not installed. */
#include "files.h"

static bool have_ffmpeg(void)
{
    static int known = -1;
    if (known < 0) known = system("ffmpeg -version >/dev/null 2>&1") == 0;
    return known;
}

/* Hashes of all decoded frames; of a clip also of the packets of every stream (a still is one packet,
 * manifest included). */
static char *frames_of(const char *name, bool packets)
{
    char command[900];
    /* Left alone, ffmpeg takes a PNG for a still unless all up to the first picture is in 2 kB. */
    const char *kind = strstr(name, "moving") ? "-f apng" : "";
    snprintf(command, sizeof command,
             "cd '%s' && ffmpeg -v error -nostdin -y %s -i '%s' -f framemd5 frames %s 2>&1 && cat frames %s",
             tempdir, kind, name, packets ? "-map 0 -c copy -f framemd5 packets" : "",
             packets ? "packets" : "");
    FILE *p = popen(command, "r");
    char *s = calloc(1, 1 << 20);
    if (!p || !s) abort();
    if (fread(s, 1, (1 << 20) - 1, p) == 0) s[0] = '\0';
    pclose(p);
    return s;
}

#define PICTURE "-f lavfi -i testsrc2=s=96x64:r=25:d=1 "
#define SOUND "-f lavfi -i sine=d=1:r=16000 "

static const struct {
    const char *name, *mime, *args;
} clips[] = {
    {"last.mp4", "video/mp4", PICTURE SOUND "-c:v libx264 -preset ultrafast -c:a aac -shortest"},
    {"first.mp4", "video/mp4", PICTURE SOUND "-c:v libx264 -preset ultrafast -c:a aac -movflags +faststart"},
    {"edited.mp4", "video/mp4", "-ss 0.3 " PICTURE SOUND "-c:v libx264 -bf 2 -c:a aac -movflags +faststart"},
    {"spaced.mp4", "video/mp4", PICTURE "-c:v libx264 -preset ultrafast -moov_size 20000"},
    {"clip.mov", "video/quicktime",
     PICTURE SOUND "-c:v mpeg4 -c:a pcm_s16le -timecode 01:02:03:04 -movflags +faststart"},
    {"tagged.mov", "video/quicktime", PICTURE "-c:v mjpeg -metadata title=what -movflags use_metadata_tags"},
    {"sound.m4a", "audio/mp4", SOUND "-c:a aac"},
    {"sound.wav", "audio/wav", SOUND "-metadata title=odd"},
    {"bytes.wav", "audio/wav", "-f lavfi -i sine=d=0.0101:r=8000 -c:a pcm_u8"},
    {"float.wav", "audio/wav", SOUND "-c:a pcm_f32le -ac 2"},
    {"still.jpg", "image/jpeg", PICTURE "-frames:v 1 -update 1"},
    {"still.png", "image/png", PICTURE "-frames:v 1 -update 1"},
    {"moving.png", "image/png", PICTURE "-frames:v 5 -f apng"},
};

static void same_frames(void)
{
    if (!have_ffmpeg()) SKIP("the ffmpeg command is not installed");
    for (size_t i = 0; i < LK_COUNT(clips); i++) {
        char command[900], out[40];
        lk_error err = {0};
        c2pa_layout l;
        const size_t n = i % 2 ? 5000 : 200000;
        uint8_t *store = make_store(n, i);
        snprintf(command, sizeof command, "cd '%s' && ffmpeg -v error -nostdin -y %s '%s'", tempdir,
                 clips[i].args, clips[i].name);
        CHECK(system(command) == 0, "cannot make %s", clips[i].name);
        snprintf(out, sizeof out, "signed-%s", clips[i].name);
        CHECK_OK(c2pa_asset_reserve(where(clips[i].name), where(out), n, &l, &err), &err);
        CHECK_OK(c2pa_asset_fill(where(out), &l, store, n, &err), &err);
        CHECK_STR(l.mime, clips[i].mime);
        const bool clip = strncmp(l.mime, "image/", 6) != 0;
        char *a = frames_of(clips[i].name, clip), *b = frames_of(out, clip);
        CHECK(strlen(a) > 200 && !strcmp(a, b), "%s: other frames after signing:\n%.600s\n%.600s",
              clips[i].name, a, b);
        free(a), free(b), free(store);
    }
}

static void fragments(void)
{
    if (!have_ffmpeg()) SKIP("the ffmpeg command is not installed");
    char command[900];
    lk_error err = {0};
    c2pa_layout l;
    c2pa_digest d;
    snprintf(command, sizeof command,
             "cd '%s' && ffmpeg -v error -nostdin -y " PICTURE
             "-c:v libx264 -preset ultrafast -movflags frag_keyframe+empty_moov fragments.mp4",
             tempdir);
    CHECK(system(command) == 0, "cannot make fragments.mp4");
    CHECK_OK(c2pa_asset_probe(where("fragments.mp4"), &l, &err), &err);
    CHECK_STATUS(c2pa_asset_reserve(where("fragments.mp4"), where("out.mp4"), 100, &l, &err),
                 LK_E_UNSUPPORTED, &err);
    CHECK(strstr(err.message, "fragments") != NULL, "%s", err.message);
    CHECK_OK(c2pa_hash_bmff(where("fragments.mp4"), NULL, 0, 3, "sha256", &d, &err), &err);
}

static const check_test tests[] = {{"same frames", same_frames}, {"fragments", fragments}};

int main(int argc, char **argv)
{
    tempdir_make("ffmpeg");
    return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
}
