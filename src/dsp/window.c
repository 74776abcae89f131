/* window.c: windows for short-time analysis. */
#include "dsp/dsp.h"

#include <math.h>

void lk_window_hann(float *w, int n, bool periodic)
{
    /* Periodic windows of any even hop that divides n sum to a constant; symmetric ones are for filter
     * design. */
    int span = periodic ? n : n - 1;
    for (int i = 0; i < n; i++)
        w[i] = span < 1 ? 1.0f : (float)(0.5 - 0.5 * cos(2.0 * M_PI * i / span));
}
