/* font.c: a stroke font of the 95 printable ASCII characters, drawn for this
 * project so that labels need no font file.
 *
 * A glyph is a few strokes on a grid: y 0 is the baseline, 7 the height of small
 * letters, 10 ("a") that of capitals, "z" -1, "y" -2 and "x" -3 the descender.
 * A point is two characters, x then y. L is a polyline, C a quadratic B-spline
 * from the first to the last point, O a closed one: four corners make an oval.
 */
#include "media/impl.h"

#include <math.h>

#define UNITS 13.0f       /* from the descender to the capitals */
#define CAPITAL 10.0f
#define SPACING 2.7f      /* between glyphs */
#define SEGMENTS_MAX 160
#define POINTS_MAX 16
#define CURVE_STEPS 5

typedef struct glyph { unsigned char width; const char *strokes; } glyph;

static const glyph glyphs[95] = {
    {2, ""},                                  /* space */
    {0, "L0a03 L0000"},                       /* ! */
    {2, "L0a07 L2a27"},                       /* " */
    {8, "L203a L506a L0373 L1787"},           /* # */
    {7, "C787a0a0575700002 L4z4b"},           /* $ */
    {8, "L008a O0a3a3606 O54848050"},         /* % */
    {8, "C80171a6a6604006084"},               /* & */
    {0, "L0a07"},                             /* ' */
    {2, "C2b08012y"},                         /* ( */
    {2, "C0b28210y"},                         /* ) */
    {6, "L343a L0965 L0569"},                 /* * */
    {6, "L0464 L3137"},                       /* + */
    {1, "L100y"},                             /* , */
    {4, "L0444"},                             /* - */
    {0, "L0000"},                             /* . */
    {5, "L0z5b"},                             /* / */
    {6, "O0a6a6000"},                         /* 0 */
    {6, "L183a30 L1050"},                     /* 1 */
    {6, "C070a6a663300 L0060"},               /* 2 */
    {6, "C080a6a6525 C2565600002"},           /* 3 */
    {6, "L505a0363"},                         /* 4 */
    {6, "L5a0a05 C053767600002"},             /* 5 */
    {6, "O06666000 C5a0a03"},                 /* 6 */
    {6, "L0a6a20"},                           /* 7 */
    {6, "O1a5a5515 O05656000"},               /* 8 */
    {6, "O0a6a6404 C676010"},                 /* 9 */
    {0, "L0000 L0606"},                       /* : */
    {1, "L100y L1616"},                       /* ; */
    {6, "L670461"},                           /* < */
    {6, "L0262 L0565"},                       /* = */
    {6, "L076401"},                           /* > */
    {6, "C080a6a663533 L3030"},               /* ? */
    {10, "O37777232 C7771a1aa0a0y9y"},        /* @ */
    {8, "L004a80 L1373"},                     /* A */
    {7, "L000a C0a3a6a653505 C054575704000"}, /* B */
    {7, "C787a0a007072"},                     /* C */
    {7, "L000a C0a3a7a703000"},               /* D */
    {6, "L6a0a0060 L0555"},                   /* E */
    {6, "L6a0a00 L0555"},                     /* F */
    {7, "C787a0a007075 L4575"},               /* G */
    {7, "L000a L707a L0575"},                 /* H */
    {4, "L202a L0040 L0a4a"},                 /* I */
    {5, "C5a53500002"},                       /* J */
    {7, "L000a L7a04 L2670"},                 /* K */
    {6, "L0a0060"},                           /* L */
    {8, "L000a448a80"},                       /* M */
    {7, "L000a707a"},                         /* N */
    {8, "O0a8a8000"},                         /* O */
    {7, "L000a C0a3a7a743404"},               /* P */
    {8, "O0a8a8000 L538z"},                   /* Q */
    {7, "L000a C0a3a7a743404 L4470"},         /* R */
    {7, "C787a0a0575700002"},                 /* S */
    {8, "L0a8a L4a40"},                       /* T */
    {7, "C0a030070737a"},                     /* U */
    {8, "L0a408a"},                           /* V */
    {10, "L0a305870aa"},                      /* W */
    {7, "L007a L0a70"},                       /* X */
    {8, "L0a458a L4540"},                     /* Y */
    {7, "L0a7a0070"},                         /* Z */
    {2, "L2b0b0y2y"},                         /* [ */
    {5, "L0b5z"},                             /* \ */
    {2, "L0b2b2y0y"},                         /* ] */
    {6, "L063a66"},                           /* ^ */
    {6, "L0y6y"},                             /* _ */
    {2, "L0a28"},                             /* ` */
    {6, "O07676000 L6760"},                   /* a */
    {6, "L000a O07676000"},                   /* b */
    {5, "C565707005051"},                     /* c */
    {6, "L606a O07676000"},                   /* d */
    {6, "L0464 C646707006061"},               /* e */
    {4, "C4a2a2720 L0747"},                   /* f */
    {6, "O07676000 C67606x0x0y"},             /* g */
    {6, "L000a C0407676460"},                 /* h */
    {0, "L0007 L0a0a"},                       /* i */
    {2, "C27202x0x L2a2a"},                   /* j */
    {5, "L000a L5702 L2450"},                 /* k */
    {2, "C0a020020"},                         /* l */
    {10, "L0007 C0407575450 C5457a7a4a0"},    /* m */
    {6, "L0007 C0407676460"},                 /* n */
    {6, "O07676000"},                         /* o */
    {6, "L070x O07676000"},                   /* p */
    {6, "L676x O07676000"},                   /* q */
    {4, "L0007 C04074746"},                   /* r */
    {5, "C5657070453500001"},                 /* s */
    {4, "C19121040 L0747"},                   /* t */
    {6, "C070300606367 L6760"},               /* u */
    {6, "L073067"},                           /* v */
    {8, "L0720466087"},                       /* w */
    {5, "L0057 L0750"},                       /* x */
    {6, "L0730 L672x"},                       /* y */
    {5, "L07570050"},                         /* z */
    {3, "C3b1b1404 C04141y3y"},               /* { */
    {0, "L0b0y"},                             /* | */
    {3, "C0b2b2434 C34242y0y"},               /* } */
    {7, "C030646327275"},                     /* ~ */
};

static const glyph *glyph_of(char c) { return &glyphs[c >= 32 && c < 127 ? c - 32 : '?' - 32]; }

static float coordinate(char c)
{
    return c <= '9' ? (float)(c - '0') : c <= 'b' ? (float)(c - 'a' + 10) : (float)(c - 'z' - 1);
}

typedef struct pen {
    float seg[4 * SEGMENTS_MAX];
    int count;
    float x, y, scale;
} pen;

static void segment(pen *p, const float a[2], const float b[2])
{
    if (p->count == SEGMENTS_MAX) return;
    float *s = p->seg + 4 * p->count++;
    s[0] = p->x + a[0] * p->scale;
    s[1] = p->y - a[1] * p->scale;
    s[2] = p->x + b[0] * p->scale;
    s[3] = p->y - b[1] * p->scale;
}

/* The parabola from a to c that leaves towards b. */
static void curve(pen *p, const float a[2], const float b[2], const float c[2])
{
    float from[2] = {a[0], a[1]};
    for (int i = 1; i <= CURVE_STEPS; i++) {
        float t = (float)i / CURVE_STEPS, u = 1 - t;
        float to[2] = {u * u * a[0] + 2 * u * t * b[0] + t * t * c[0],
                       u * u * a[1] + 2 * u * t * b[1] + t * t * c[1]};
        segment(p, from, to);
        from[0] = to[0];
        from[1] = to[1];
    }
}

static void stroke(pen *p, char kind, float pt[][2], int n)
{
    float mid[POINTS_MAX][2];
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 2; k++) mid[i][k] = (pt[i][k] + pt[(i + 1) % n][k]) / 2;
    if (kind == 'O') {
        for (int i = 0; i < n; i++) curve(p, mid[i], pt[(i + 1) % n], mid[(i + 1) % n]);
    } else if (kind == 'C' && n > 2) {
        for (int i = 1; i < n - 1; i++)
            curve(p, i == 1 ? pt[0] : mid[i - 1], pt[i], i == n - 2 ? pt[n - 1] : mid[i]);
    } else {
        for (int i = 0; i + 1 < n; i++) segment(p, pt[i], pt[i + 1]);
    }
}

static void draw_glyph(lk_image *im, const glyph *g, float x, float baseline, float scale, float width,
                       const float rgb[3])
{
    pen p = {.x = x, .y = baseline, .scale = scale};
    for (const char *s = g->strokes; *s;) {
        float pt[POINTS_MAX][2];
        int n = 0;
        char kind = *s++;
        for (; *s && *s != ' '; s += 2) {
            pt[n][0] = coordinate(s[0]);
            pt[n++][1] = coordinate(s[1]);
        }
        while (*s == ' ') s++;
        stroke(&p, kind, pt, n);
    }
    if (p.count) media_draw_segments(im, p.seg, p.count, width, rgb);
}

int lk_draw_text_width(float height, const char *text)
{
    float units = 0;
    for (; *text; text++) units += (float)glyph_of(*text)->width + SPACING;
    return (int)ceilf(units * height / UNITS);
}

int lk_draw_text(lk_image *im, float x, float y, float height, const char *text, const float rgb[3])
{
    float scale = height / UNITS, at = x + SPACING / 2 * scale, width = fmaxf(1.15f, 0.105f * height);
    float baseline = y + CAPITAL * scale;
    for (const char *c = text; *c; c++) {
        draw_glyph(im, glyph_of(*c), at, baseline, scale, width, rgb);
        at += ((float)glyph_of(*c)->width + SPACING) * scale;
    }
    return lk_draw_text_width(height, text);
}
