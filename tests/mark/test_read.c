/* test_read.c: what verify says of files that were made here, changed afterwards, stripped, or signed anew; and made sound on its
 * way out.
 */
#include <math.h>
#include <unistd.h>

#include "audiomark/voice.h"
#include "mark/cast.h"
#include "mark/read.h"

enum { W = 480, H = 272, FRAMES = 12 };

/* A moving scene with some texture: flat grey carries no mark that survives. */
static lk_frame *scene(int i)
{
    lk_image im;
    lk_frame *f = NULL;
    CHECK_OK(lk_image_new(W, H, 3, &im, &err), &err);
    lk_rng r = lk_rng_at(5, 0, 0, (uint64_t)i);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            float wave = sinf((float)(x + 3 * i) * 0.11f) * cosf((float)y * 0.07f + (float)i * 0.2f);
            for (int k = 0; k < 3; k++)
                im.data[(y * W + x) * 3 + k] = 0.45f + 0.2f * wave + 0.05f * (float)k + 0.04f * (lk_rng_uniform(&r) - 0.5f);
        }
    CHECK_OK(lk_frame_from_image(&im, &f, &err), &err);
    CHECK_OK(lk_frame_set_time(f, i, 1, (lk_rational){1, 25}, &err), &err);
    lk_image_clear(&im);
    return f;
}

static void make_clip(const cast *c, const char *path)
{
    static const lk_media_info like = {.width = W, .height = H, .bit_depth = 8, .chroma = LK_CHROMA_420, .time_base = {1, 25},
                                       .frame_rate = {25, 1}, .color_matrix = 1, .color_primaries = 1, .color_transfer = 1,
                                       .color_range = 1};
    lk_mark_video *v = NULL;
    lk_mark_video_spec spec = {.path = path, .like = &like, .preset = "ultrafast", .crf = 12};
    CHECK_OK(lk_mark_video_open(&spec, &c->origin, &v, &err), &err);
    for (int i = 0; i < FRAMES; i++) {
        lk_frame *f = scene(i);
        CHECK_OK(lk_mark_video_frame(v, f, true, &err), &err);
        lk_frame_unref(&f);
    }
    CHECK_OK(lk_mark_video_finish(&v, NULL, NULL, &err), &err);
}

static lk_verify_report ask(const cast *c, const char *path, bool trusting)
{
    lk_verify_report r;
    lk_anchors roots = {0};
    lk_copies *copies = NULL;
    char keys[160];
    snprintf(keys, sizeof keys, "%s/keys/mark", c->w.dir);
    if (trusting) CHECK_OK(lk_keys_anchors(keys, &roots, &err), &err);
    CHECK_OK(lk_copies_open(c->w.dir, false, &copies, &err), &err);
    lk_verify_spec spec = {.path = path, .anchors = roots.list, .anchor_count = roots.count, .registry = c->w.r, .copies = copies};
    CHECK_OK(lk_verify_file(&spec, &r, NULL, NULL, &err), &err);
    lk_copies_close(&copies);
    lk_anchors_clear(&roots);
    return r;
}

static void says(const lk_verify_report *r, lk_origin_outcome outcome, const char *words)
{
    lk_text t = {0}, j = {0};
    lk_verify_text(r, &t);
    lk_verify_json(r, &j);
    CHECK(r->outcome == outcome, "%s is %s, wanted %s", r->path, lk_origin_outcome_name(r->outcome), lk_origin_outcome_name(outcome));
    CHECK(t.s && strstr(t.s, words), "no \"%s\" in: %s", words, t.s);
    CHECK(t.s && !strstr(t.s, "is real") && !strstr(t.s, "authentic"), "verify vouches for a file: %s", t.s);
    CHECK(j.s && strstr(j.s, lk_origin_outcome_name(outcome)), "the JSON does not say %s", lk_origin_outcome_name(outcome));
    lk_arena *arena = NULL;
    lk_json *tree = NULL;
    CHECK(lk_arena_new(&arena, 1 << 16) == LK_OK, "no memory");
    CHECK_OK(lk_json_parse(j.s, j.len, arena, &tree, &err), &err);
    lk_arena_free(arena);
    lk_text_clear(&t);
    lk_text_clear(&j);
}

static void flip(const char *from, const char *to, double at)
{
    void *data;
    size_t n;
    CHECK_OK(lk_file_read(from, 1 << 26, &data, &n, &err), &err);
    ((uint8_t *)data)[(size_t)(at * (double)n)] ^= 1;
    CHECK_OK(lk_file_write_atomic(to, data, n, &err), &err);
    lk_free(data);
}

static void a_made_clip(void)
{
    cast c;
    cast_open(&c, "read");
    const char *clip = in_tempdir("clip.mp4");
    make_clip(&c, clip);

    lk_verify_report r = ask(&c, clip, false);
    says(&r, LK_ORIGIN_CLAIMED, "nobody on your trust list");
    CHECK(r.picture.found && lk_mark_id_fits(r.picture.id, r.c2pa.active->label), "the mark does not belong to the manifest");
    CHECK(r.picture.id & LK_MARK_SYNTHETIC, "the mark does not say synthetic");
    CHECK(r.copy_count > 0 && r.copies[0].exact, "the registry does not know it");
    CHECK_INT(r.record_count, 2);
    CHECK(r.records[0].known && !strcmp(r.records[0].state, "valid"), "consent: %s", r.records[0].state);
    CHECK(r.signer_is_demo, "a demo key is not told");
    lk_verify_clear(&r);

    r = ask(&c, clip, true);
    says(&r, LK_ORIGIN_PROVEN, "PROVEN ORIGIN");
    lk_verify_clear(&r);

    CHECK_OK(lk_consent_revoke(c.w.r, c.w.ann_record.id, "no longer", &err), &err);
    r = ask(&c, clip, true);
    says(&r, LK_ORIGIN_PROVEN, "revoked now");
    lk_verify_clear(&r);

    /* One bit, in every fifth of the file. */
    for (int k = 0; k < 5; k++) {
        const char *bent = in_tempdir("bent.mp4");
        flip(clip, bent, 0.1 + 0.2 * k);
        r = ask(&c, bent, true);
        says(&r, LK_ORIGIN_BROKEN, "BROKEN PROOF");
        lk_verify_clear(&r);
        unlink(bent);
    }
    unlink(clip);
    cast_close(&c);
}

/* The manifest is taken off, then another is put on by somebody else's key: the picture still tells. */
static void stripped_and_signed_anew(void)
{
    cast c;
    cast_open(&c, "anew");
    const char *clip = in_tempdir("clip.mp4"), *bare = in_tempdir("bare.mp4"), *anew = in_tempdir("anew.mp4");
    make_clip(&c, clip);
    c2pa_layout l;
    void *data;
    size_t n;
    CHECK_OK(lk_file_read(clip, 1 << 26, &data, &n, &err), &err);
    CHECK_OK(c2pa_asset_probe(clip, &l, &err), &err);
    memcpy((uint8_t *)data + l.hole.start + 4, "free", 4); /* the manifest's box becomes room that nobody reads */
    CHECK_OK(lk_file_write_atomic(bare, data, n, &err), &err);
    lk_free(data);
    lk_verify_report r = {.size = 0};
    char other[160];
    lk_keys *keys = NULL;
    c2pa_signer signer;
    static const lk_keys_pass plain = {.file = NULL};
    snprintf(other, sizeof other, "%s/other", c.w.dir);
    CHECK_OK(lk_keys_make_demo(other, &err), &err);
    CHECK_OK(lk_keys_open(other, &plain, &keys, &err), &err);
    CHECK_OK(lk_keys_signer(keys, &signer, &err), &err);
    c2pa_action filmed = {.action = "c2pa.created", .source_type = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"};
    c2pa_spec lie = {.title = "holiday.mp4", .actions = &filmed, .action_count = 1, .log_index = -1};
    CHECK_OK(c2pa_sign_file(bare, anew, &lie, &signer, NULL, &err), &err);
    r = ask(&c, anew, true);
    says(&r, LK_ORIGIN_CONTRADICTION, "CONTRADICT");
    CHECK(r.mark_known, "the mark's owner is not told");
    lk_verify_clear(&r);
    lk_keys_close(&keys);
    unlink(clip);
    unlink(bare);
    unlink(anew);
    cast_close(&c);
}

static void unknown_and_unreadable(void)
{
    cast c;
    cast_open(&c, "unknown");
    const char *plain = in_tempdir("plain.wav"), *text = in_tempdir("text.mp4");
    CHECK_OK(lk_file_write_atomic(text, "hello", 5, &err), &err);
    lk_verify_report r;
    lk_verify_spec spec = {.path = text};
    CHECK_STATUS(lk_verify_file(&spec, &r, NULL, NULL, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "text.mp4") != NULL, "%s", err.message);
    spec.path = in_tempdir("absent.png");
    CHECK_STATUS(lk_verify_file(&spec, &r, NULL, NULL, &err), LK_E_NOTFOUND, &err);
    /* A second of silence, by hand: the encoder is not ours to use here. */
    uint8_t wav[44 + 32000] = "RIFF\x24\x7d\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\0\x7d\0";
    CHECK_OK(lk_file_write_atomic(plain, wav, sizeof wav, &err), &err);
    r = ask(&c, plain, true);
    says(&r, LK_ORIGIN_UNKNOWN, "NOTHING IS KNOWN");
    lk_verify_clear(&r);
    unlink(plain);
    unlink(text);
    cast_close(&c);
}

static void made_sound(void)
{
    cast c;
    cast_open(&c, "sound");
    const char *path = in_tempdir("voice.wav");
    c.origin.action = "voice";
    lk_audio a = voice_make(3, 14, 22050, 1);
    lk_hash hash, same;
    lk_mark_sound_spec spec = {.path = path, .notice = true};
    int64_t before = a.samples;
    CHECK_OK(lk_mark_sound(&spec, &a, &c.origin, &hash, &err), &err);
    CHECK(a.samples > before + 22050, "the notice is not there: %lld samples", (long long)a.samples);
    CHECK_OK(lk_hash_file(path, &same, &err), &err);
    CHECK(lk_hash_equal(&hash, &same), "another hash than the file's");
    lk_verify_report r = ask(&c, path, true);
    says(&r, LK_ORIGIN_PROVEN, "PROVEN ORIGIN");
    CHECK(r.sound.found && lk_mark_id_fits(r.sound.id, r.c2pa.active->label), "the sound's mark: found %d", r.sound.found);
    lk_verify_clear(&r);
    lk_audio_clear(&a);
    unlink(path);

    /* Too short, without disclosure, without consent: nothing is written. */
    a = voice_make(3, 2, 22050, 1);
    spec.notice = false;
    CHECK_STATUS(lk_mark_sound(&spec, &a, &c.origin, NULL, &err), LK_E_MARK, &err);
    CHECK(strstr(err.message, "notice") != NULL, "%s", err.message);
    spec.disclosed_by = "label on the picture";
    CHECK_STATUS(lk_mark_sound(&spec, &a, &c.origin, NULL, &err), LK_E_MARK, &err);
    lk_mark_origin nobody = c.origin;
    nobody.grant_count = 0;
    CHECK_STATUS(lk_mark_sound(&spec, &a, &nobody, NULL, &err), LK_E_CONSENT, &err);
    CHECK_INT(access(path, F_OK), -1);
    lk_audio_clear(&a);
    cast_close(&c);
}

static const check_test tests[] = {{"a made clip", a_made_clip},
                                   {"stripped and signed anew", stripped_and_signed_anew},
                                   {"unknown and unreadable", unknown_and_unreadable},
                                   {"made sound", made_sound}};

int main(int argc, char **argv)
{
    tempdir_make("read");
    return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
}
