/* bf16, conversion and the array helpers, for every instruction set this CPU runs. */
#include "../check.h"
#include "tensor/simd/simd.h"

static int sets(const lk_simd_table *out[3])
{
    int n = 0;
    out[n++] = &lk_simd_plain;
#ifdef LK_SIMD_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) out[n++] = &lk_simd_avx2;
    if (lk_simd() == &lk_simd_avx512) out[n++] = &lk_simd_avx512;
#endif
    return n;
}

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static void test_bf16_rounding(void)
{
    static const struct {
        uint32_t f32;
        uint16_t bf16;
    } rows[] = {
        {0x00000000, 0x0000},
        {0x80000000, 0x8000},
        {0x3f800000, 0x3f80},
        {0x3f808000, 0x3f80}, /* tie to even */
        {0x3f818000, 0x3f82},
        /* tie to even, up */ {0x3f808001, 0x3f81},
        {0x7f800000, 0x7f80},
        {0xff800000, 0xff80},
        {0x7f7fffff, 0x7f80},
        /* rounds to infinity */ {0x7f800001, 0x7fc0},
        /* NaN stays NaN */ {0xffc12345, 0xffc1},
        {0x00000001, 0x0000},
        /* subnormals become zero */ {0x807fffff, 0x8000},
        {0x00800000, 0x0080},
    };
    for (size_t i = 0; i < LK_COUNT(rows); i++)
        CHECK_INT(lk_bf16_from_f32(from_bits(rows[i].f32)), rows[i].bf16);
    for (uint32_t h = 0; h < 0x10000; h++) {
        const float f = lk_bf16_to_f32((lk_bf16)h);
        if (isnan(f) || (!(h & 0x7f80) && (h & 0x7f)))
            continue; /* NaN payloads and subnormals are not kept */
        if (lk_bf16_from_f32(f) != h) CHECK_INT(lk_bf16_from_f32(f), h);
    }
}

/* All sets convert to the scalar function's bytes, at every tail length, and write no further. */
static void test_conversion(void)
{
    enum { MOST = 40000 };
    const lk_simd_table *set[3];
    uint32_t *src = lk_alloc(MOST * sizeof *src);
    lk_bf16 *dst = lk_alloc((MOST + 1) * sizeof *dst);
    float *back = lk_alloc((MOST + 1) * sizeof *back);
    lk_rng r = lk_rng_at(1, 2, 3, 4);
    for (int i = 0; i < MOST; i++) src[i] = lk_rng_u32(&r);
    for (int k = sets(set) - 1; k >= 0; k--)
        for (int count = 0; count <= MOST; count = count < 67 ? count + 1 : count * 3 + 1) {
            dst[count] = 0x1234;
            back[count] = 77;
            set[k]->convert(LK_BF16, src, dst, count);
            set[k]->convert(LK_F32, dst, back, count);
            int bad = 0;
            for (int i = 0; i < count; i++) {
                const lk_bf16 want = lk_bf16_from_f32(from_bits(src[i]));
                const float value = lk_bf16_to_f32(dst[i]);
                bad += dst[i] != want || memcmp(&value, &back[i], sizeof value);
            }
            CHECK(!bad, "%s: %d of %d elements differ from the scalar conversion", set[k]->name, bad, count);
            CHECK(dst[count] == 0x1234 && back[count] == 77, "%s: wrote past %d elements", set[k]->name,
                  count);
        }
    lk_free(src);
    lk_free(dst);
    lk_free(back);
}

static void test_arrays(void)
{
    const lk_simd_table *set[3];
    for (int k = sets(set) - 1; k >= 0; k--)
        for (int t = 0; t < 2; t++)
            for (int count = 1; count < 50000; count = count < 40 ? count + 1 : count * 7) {
                const lk_dtype type = (lk_dtype)t;
                const size_t bytes = (size_t)count * lk_dtype_size(type);
                lk_tensor a = {type, {1, 1, 1, count}, lk_alloc(bytes + 1)}, b = a;
                b.data = lk_alloc(bytes + 1);
                ((unsigned char *)a.data)[bytes] = ((unsigned char *)b.data)[bytes] = 0xA5;
                set[k]->fill(type, a.data, 1.5f, count);
                set[k]->fill(type, b.data, -0.25f, count);
                set[k]->accumulate(type, a.data, b.data, count);
                int bad = 0;
                for (int i = 0; i < count; i++)
                    bad += (t ? lk_bf16_to_f32(((lk_bf16 *)a.data)[i]) : ((float *)a.data)[i]) != 1.25f;
                CHECK(!bad, "%s: %d of %d sums wrong", set[k]->name, bad, count);
                CHECK(((unsigned char *)a.data)[bytes] == 0xA5 && ((unsigned char *)b.data)[bytes] == 0xA5,
                      "%s: wrote past %d elements", set[k]->name, count);
                lk_free(a.data);
                lk_free(b.data);
            }
}

/* The sets agree on the activations to a few units in the last place of f32. */
static void test_activations(void)
{
    enum { N = 4001 };
    const lk_simd_table *set[3];
    float x[N], y[N];
    for (int i = 0; i < N; i++) x[i] = (float)(i - N / 2) / 40.0f;
    for (int k = sets(set) - 1; k >= 0; k--)
        for (int a = LK_ACT_SIGMOID; a <= LK_ACT_SWISH; a++) {
            set[k]->act(LK_F32, (lk_act)a, 0, x, y, N);
            double worst = 0;
            for (int i = 0; i < N; i++) {
                const double s = 1 / (1 + exp(-(double)x[i]));
                const double want = a == LK_ACT_SIGMOID ? s : a == LK_ACT_TANH ? tanh(x[i]) : x[i] * s;
                const double error = fabs(y[i] - want) / fmax(fabs(want), 1e-12);
                if (error > worst) worst = error;
            }
            CHECK(worst < 2e-6, "%s activation %d: relative error %.3g", set[k]->name, a, worst);
        }
}

static const check_test tests[] = {
    {"bf16_rounding", test_bf16_rounding},
    {"conversion", test_conversion},
    {"arrays", test_arrays},
    {"activations", test_activations},
};
CHECK_MAIN(tests)
