#!/usr/bin/env python3
"""Times the swap network's training step in PyTorch, for comparison with `likeness bench train`.

The same network (df-ud: encoder 32, code 128, decoder 32, mask 16), batch (8 + 8 pictures), loss and optimiser
(Adam 2e-4), on synthetic data, in f32 eager mode and in bf16 autocast with channels-last memory. One step is
forward, loss, backward and update. Prints images a second (16 a step) and GFLOP/s, counting forward
multiply-adds of convolutions and dense layers twice and backward as twice the forward.

Needs Debian's python3-torch; nothing in the project depends on it.
"""
import argparse
import os
import sys
import time

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError:
    sys.exit("bench_pytorch.py: PyTorch is not installed; 'apt-get install python3-torch' brings it")


class Up(nn.Module):
    """3x3 convolution to four times the channels, then pixel shuffle."""

    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, 4 * cout, 3, padding=1)

    def forward(self, x):
        return F.pixel_shuffle(F.leaky_relu(self.conv(x), 0.1), 2)


class Res(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a = nn.Conv2d(c, c, 3, padding=1)
        self.b = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x):
        y = self.b(F.leaky_relu(self.a(x), 0.2))
        return F.leaky_relu(y + x, 0.2)


class Encoder(nn.Module):
    def __init__(self, size, e=32, ae=128):
        super().__init__()
        widths = [3, e, 2 * e, 4 * e, 8 * e]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 5, stride=2, padding=2) for a, b in zip(widths, widths[1:]))
        self.low, self.ae = size // 32, ae
        self.code = nn.Linear(8 * e * (size // 16) ** 2, ae)
        self.spread = nn.Linear(ae, self.low ** 2 * ae)
        self.up = Up(ae, ae)

    def forward(self, x):
        for d in self.down:
            x = F.leaky_relu(d(x), 0.1)
        x = x.flatten(1)
        x = x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6)
        x = self.spread(self.code(x)).reshape(-1, self.ae, self.low, self.low)
        return self.up(x)


class Decoder(nn.Module):
    def __init__(self, ae=128, d=32, m=16):
        super().__init__()
        self.body = nn.Sequential(Up(ae, 8 * d), Res(8 * d), Up(8 * d, 4 * d), Res(4 * d), Up(4 * d, 2 * d), Res(2 * d))
        self.head = nn.ModuleList([nn.Conv2d(2 * d, 3, 1)] + [nn.Conv2d(2 * d, 3, 3, padding=1) for _ in range(3)])
        self.mask = nn.Sequential(Up(ae, 8 * m), Up(8 * m, 4 * m), Up(4 * m, 2 * m), Up(2 * m, m), nn.Conv2d(m, 1, 1))

    def forward(self, x):
        y = self.body(x)
        rgb = torch.sigmoid(F.pixel_shuffle(torch.cat([h(y) for h in self.head], 1), 2))
        return rgb, torch.sigmoid(self.mask(x))


class Swap(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.encoder = Encoder(size)
        self.decoders = nn.ModuleList([Decoder(), Decoder()])

    def forward(self, x):
        code = self.encoder(x)
        half = x.shape[0] // 2
        return self.decoders[0](code[:half]), self.decoders[1](code[half:])


def dssim(x, y, window, sigma=1.5):
    """(1 - SSIM) / 2 with a Gaussian window over valid positions (Wang et al. 2004)."""
    t = torch.arange(window, dtype=torch.float32) - (window - 1) / 2
    g = torch.exp(-t * t / (2 * sigma * sigma))
    g = g / g.sum()
    c = x.shape[1]
    gv, gh = g.view(1, 1, -1, 1).repeat(c, 1, 1, 1), g.view(1, 1, 1, -1).repeat(c, 1, 1, 1)

    def blur(z):
        return F.conv2d(F.conv2d(z, gv, groups=c), gh, groups=c)

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    ssim = (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4))
    return ((1 - ssim) / 2).mean()


def loss_of(outputs, target, mask, window):
    half = target.shape[0] // 2
    total = 0
    for k, (rgb, m) in enumerate(outputs):
        y, t = target[k * half:(k + 1) * half], mask[k * half:(k + 1) * half]
        rgb, m = rgb.float(), m.float()
        mse = ((rgb - y).square() * t).sum((1, 2, 3)) / (t.sum((1, 2, 3)) * 3)
        total = total + 10 * dssim(rgb * t, y * t, window) + 10 * mse.mean() + 10 * (m - t).square().mean()
    return total


def forward_flops(model, x):
    total = [0]

    def count(module, inputs, output):
        w = module.weight
        positions = output.shape[0] * (output[0, 0].numel() if output.dim() == 4 else 1)
        total[0] += 2 * w.numel() * positions

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        model(x)
    for h in hooks:
        h.remove()
    return total[0]


def bench(size, steps, warm, bf16, seed=1):
    torch.manual_seed(seed)
    half = 8
    model = Swap(size)
    x, y = torch.rand(2 * half, 3, size, size), torch.rand(2 * half, 3, size, size)
    grid = torch.linspace(-1, 1, size)
    mask = ((grid[:, None] ** 2 + grid[None, :] ** 2) < 0.8).float().expand(2 * half, 1, size, size).contiguous()
    if bf16:
        model = model.to(memory_format=torch.channels_last)
        x, y, mask = (t.contiguous(memory_format=torch.channels_last) for t in (x, y, mask))
    window = int(size / 11.6)
    flops = forward_flops(model, x) * 3
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-4)
    best, start = float("inf"), 0.0
    for i in range(warm + steps):
        if i == warm:
            start = time.perf_counter()
        t0 = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        if bf16:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                outputs = model(x)
        else:
            outputs = model(x)
        loss = loss_of(outputs, y, mask, window)
        loss.backward()
        optimiser.step()
        if i >= warm:
            best = min(best, time.perf_counter() - t0)
    mean = (time.perf_counter() - start) / steps
    name = "bf16 channels-last" if bf16 else "f32 eager"
    parameters = sum(p.numel() for p in model.parameters())
    print(f"pytorch {torch.__version__}  {size:3d} px  {name:18s}  {2 * half / mean:7.1f} images/s  {flops / mean * 1e-9:7.1f} GFLOP/s"
          f"  step {mean * 1e3:7.1f} ms (best {best * 1e3:.1f})  {flops / 3e9 / 2 / half:.2f} GFLOP/image forward"
          f"  {parameters / 1e6:.2f} M parameters  loss {loss.item():.4f}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--size", type=int, choices=(64, 96, 128), default=96, help="picture size in pixels")
    p.add_argument("--steps", type=int, default=20, help="steps that are timed, after 3 that are not")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--type", choices=("f32", "bf16", "both"), default="both")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    for bf16 in (False, True):
        if a.type == "both" or (a.type == "bf16") == bf16:
            bench(a.size, a.steps, 3, bf16)


if __name__ == "__main__":
    main()
