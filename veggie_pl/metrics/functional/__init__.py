"""One pure function per measure, per sample or per frame, without reduction over samples."""

from veggie_pl.metrics.functional.detection import addition_success, detection_score
from veggie_pl.metrics.functional.fidelity import (
    psnr,
    psnr_inside,
    psnr_outside,
    ssim,
    ssim_inside,
    ssim_map,
    ssim_outside,
)
from veggie_pl.metrics.functional.region import boundary_f, region_iou, region_jaccard
from veggie_pl.metrics.functional.success import change_success

__all__ = [
    "addition_success",
    "boundary_f",
    "change_success",
    "detection_score",
    "psnr",
    "psnr_inside",
    "psnr_outside",
    "region_iou",
    "region_jaccard",
    "ssim",
    "ssim_inside",
    "ssim_map",
    "ssim_outside",
]
