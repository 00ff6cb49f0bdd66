"""One pure function per measure, per sample or per frame, without reduction over samples."""

from veggie_pl.metrics.functional.change import changed_share, has_changed, region_of_change
from veggie_pl.metrics.functional.detection import addition_success, detection_score
from veggie_pl.metrics.functional.fidelity import PSNR_CAP, mean_over, psnr, psnr_of, squared_error, ssim_map
from veggie_pl.metrics.functional.motion import temporal_flickering, warp_errors, warp_ratio
from veggie_pl.metrics.functional.region import boundary_f, region_counts, region_iou, region_jaccard
from veggie_pl.metrics.functional.seams import color_drift, seam_excess, seam_ratio
from veggie_pl.metrics.functional.sharpness import blur_effect, noise_level
from veggie_pl.metrics.functional.similarity import (
    direction_similarity,
    neighbour_similarity,
    similarity_to_start,
    text_similarity,
    vbench_consistency,
)
from veggie_pl.metrics.functional.success import change_success, closeness, ghost
from veggie_pl.metrics.functional.together import geometric_mean

__all__ = [
    "PSNR_CAP",
    "addition_success",
    "blur_effect",
    "boundary_f",
    "change_success",
    "changed_share",
    "closeness",
    "color_drift",
    "detection_score",
    "direction_similarity",
    "geometric_mean",
    "ghost",
    "has_changed",
    "mean_over",
    "neighbour_similarity",
    "noise_level",
    "psnr",
    "psnr_of",
    "region_counts",
    "region_iou",
    "region_jaccard",
    "region_of_change",
    "seam_excess",
    "seam_ratio",
    "similarity_to_start",
    "squared_error",
    "ssim_map",
    "temporal_flickering",
    "text_similarity",
    "vbench_consistency",
    "warp_errors",
    "warp_ratio",
]
