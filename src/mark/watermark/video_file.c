/* video_file.c: the picture's watermark of a file. Frames are added until the id is sure: the reader asks after one frame,
 * two, four, eight..., because a still or a good clip needs hardly any and a bad one all.
 */
#include "mark/watermark/watermark.h"

lk_status wm_detect_file(const char *path, const wm_key *key, wm_found *out, const lk_cancel *cancel,
                         const lk_progress_sink *progress, lk_error *err)
{
    lk_reader *reader = NULL;
    lk_frame *f = NULL;
    wm_detector *d = NULL;
    lk_meter meter;
    *out = (wm_found){.found = false};
    lk_status s;
    LK_GOTO(done, lk_reader_open(path, &reader, err));
    LK_GOTO(done, wm_detect_open(key, &d, err));
    lk_meter_init(&meter, progress, "read the mark", "frames", lk_reader_info(reader)->frames);
    int64_t n = 0, ask = 1;
    while (!out->found && (s = lk_reader_next(reader, &f, err)) == LK_OK) {
        if (lk_cancel_raised(cancel)) {
            s = LK_FAIL(err, LK_E_CANCELLED, "reading the mark of %s was stopped", path);
            goto done;
        }
        LK_GOTO(done, wm_detect_frame(d, f, err));
        lk_frame_unref(&f);
        lk_meter_set(&meter, ++n, "");
        if (n < ask) continue;
        ask *= 2;
        LK_GOTO(done, wm_detect_result(d, out, err));
    }
    if (s == LK_END || s == LK_OK) s = out->found ? LK_OK : wm_detect_result(d, out, err);
done:
    lk_frame_unref(&f);
    wm_detect_close(&d);
    lk_reader_close(&reader);
    return s;
}
