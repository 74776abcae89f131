/* sound.c: made sound on its way out: hidden mark, spoken notice before it, WAV,
 * manifest. The notice is left out only where something else discloses the sound,
 * and then the manifest and the lineage say what.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mark/internal.h"
#include "mark/notice.h"
#include "media/writer.h"

static lk_status mark_samples(seal *marks, lk_audio *a, const char *path, lk_error *err)
{
    wm_key key = wm_public_key();
    LK_TRY(wm_audio_embed(a, marks->id, &key, 0, &marks->marked, err));
    marks->watermark = MARK_WATERMARK_AUDIO;
    if (!marks->marked)
        return LK_FAIL(err, LK_E_MARK, "%s is too short or too quiet to carry a mark; make at least seven seconds of sound",
                       path);
    return lk_copies_hashes_sound(marks->looks, a, err);
}

lk_status lk_mark_sound(const lk_mark_sound_spec *spec, lk_audio *a, const lk_mark_origin *from, lk_hash *out_hash,
                        lk_error *err)
{
    origin who;
    seal marks = {.marked = false};
    void *data = NULL;
    size_t n = 0;
    lk_hash hash;
    char note[160];
    const char *dot = spec->path ? strrchr(lk_path_base(spec->path), '.') : NULL;
    if (!dot || strcasecmp(dot, ".wav"))
        return LK_FAIL(err, LK_E_ARG, "%s: sound is written as .wav; choose such a name", spec->path ? spec->path : "no name");
    if (!spec->notice && (!spec->disclosed_by || !*spec->disclosed_by))
        return LK_FAIL(err, LK_E_MARK, "%s would go without a spoken notice and nothing else discloses it; leave the notice on",
                       spec->path);
    LK_TRY(mark_origin_init(from, true, &who, err));
    lk_status s = mark_seal_begin(&marks, &who, err);
    marks.duration = a->rate ? (double)a->samples / a->rate : 0;
    /* The notice first: the mark then covers it too, and cutting it off leaves marked sound. */
    if (s == LK_OK && spec->notice) s = mark_notice_prepend(a, err);
    if (s == LK_OK) s = mark_samples(&marks, a, spec->path, err);
    if (s == LK_OK) s = lk_wav_encode(a, &data, &n, err);
    snprintf(note, sizeof(note), "%.1f s, %s", marks.duration, spec->notice ? "spoken notice" : spec->disclosed_by);
    if (s == LK_OK) s = mark_seal_bytes(&marks, &who, spec->path, data, n, note, &hash, err);
    if (s == LK_OK && out_hash) *out_hash = hash;
    lk_free(data);
    mark_seal_clear(&marks);
    mark_origin_clear(&who);
    return s;
}
