"""One pure function per measure, per sample or per frame, without reduction over samples."""

from veggie_pl.metrics.functional.detection import addition_success, detection_score
from veggie_pl.metrics.functional.fidelity import mean_over, psnr, psnr_of, squared_error, ssim_map
from veggie_pl.metrics.functional.region import boundary_f, region_iou, region_jaccard
from veggie_pl.metrics.functional.success import change_success

__all__ = [
    "addition_success",
    "boundary_f",
    "change_success",
    "detection_score",
    "mean_over",
    "psnr",
    "psnr_of",
    "region_iou",
    "region_jaccard",
    "squared_error",
    "ssim_map",
]
