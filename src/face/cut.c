/* cut.c: scene cuts. Two thumbnails that follow each other inside a shot correlate
 * strongly, whatever the exposure does (a flash changes mean and contrast, not the
 * pattern); across a cut they do not. The threshold adapts to how much the shot moves.
 */
#include "face/track.h"

#include <math.h>
#include <string.h>

#define SAME 0.55f  /* correlation below which the pattern is another one */
#define DROP 0.3f   /* and it must have fallen by this much against the usual of the shot */
#define FLAT 0.015f /* contrast under which there is no pattern (black, fades) */
#define STEP 0.10f  /* mean change of level that counts when one of the two is flat */

bool lk_cut_step(lk_cut_state *c, const float thumb[LK_CUT_W * LK_CUT_H])
{
    enum { N = LK_CUT_W * LK_CUT_H };
    float old[N];
    bool started = c->started;
    memcpy(old, c->last, sizeof old);
    memcpy(c->last, thumb, sizeof c->last);
    c->started = true;
    if (!started) {
        c->usual = 1;
        return false;
    }
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < N; i++) ma += old[i], mb += thumb[i];
    ma /= N, mb /= N;
    for (int i = 0; i < N; i++) {
        double a = old[i] - ma, b = thumb[i] - mb;
        aa += a * a, bb += b * b, ab += a * b;
    }
    double da = sqrt(aa / N), db = sqrt(bb / N);
    bool cut;
    float same;
    if (da < FLAT || db < FLAT) {
        /* From or to an empty picture: a cut when it comes at once, a fade when it creeps. */
        cut = fabs(ma - mb) > STEP || fmax(da, db) > STEP;
        same = 1;
    } else {
        same = (float)(ab / sqrt(aa * bb));
        cut = same < SAME && same < c->usual - DROP;
    }
    c->usual = cut ? 1 : c->usual + 0.2f * (LK_MIN(same, 1) - c->usual);
    return cut;
}
