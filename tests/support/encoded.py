"""Ways to encode a clip, by whether decord finds the right frames in it or PyAV has to."""

import numpy as np

from support.numbered import Encoding

BFRAMES = "bframes=3:b-adapt=0:scenecut=0"
H264, OPEN_H264 = {"x264-params": BFRAMES}, {"x264-params": f"open-gop=1:keyint=8:{BFRAMES}"}
HEVC = {"x265-params": f"log-level=none:keyint=8:no-open-gop=1:{BFRAMES}"}
OPEN_HEVC = {"x265-params": f"log-level=none:keyint=8:open-gop=1:{BFRAMES}"}
VP9 = {"deadline": "realtime", "cpu-used": "8"}
AV1 = {"preset": "8", "crf": "20"}
VARIABLE = [int(time) for time in np.cumsum([25, 10, 50, 3, 100, 25, 25, 7] * 5) - 25]
# What decord reads, and right.
PLAIN = {
    "h264": Encoding("libx264"),
    "h264 without b": Encoding("libx264", options={"x264-params": "bframes=0"}),
    "h264 b": Encoding("libx264", options=H264),
    "h264 long gop, b pyramid": Encoding(
        "libx264", num_frames=120, gop_size=250, options={"x264-params": "bframes=5:b-adapt=0:b-pyramid=normal"}
    ),
    "h264 vfr": Encoding("libx264", times=VARIABLE, options=H264),
    "h264 mkv": Encoding("libx264", ".mkv", options=H264),
    "h264 mkv vfr": Encoding("libx264", ".mkv", times=VARIABLE, options=H264),
    "h264 mov": Encoding("libx264", ".mov", options=H264),
    "h264 fragments": Encoding("libx264", container={"movflags": "frag_keyframe+empty_moov"}, options=H264),
    "h264 10 bit": Encoding("libx264", pix_fmt="yuv420p10le"),
    "h264 odd size": Encoding("libx264", pix_fmt="yuv444p", size=(47, 65)),
    "h264 late start": Encoding("libx264", times=[25 * number + 300 for number in range(40)], options=H264),
    "h264 one frame": Encoding("libx264", num_frames=1),
    "hevc": Encoding("libx265", options=HEVC),
    "hevc 10 bit": Encoding("libx265", pix_fmt="yuv420p10le", options=HEVC),
    "hevc vfr": Encoding("libx265", times=VARIABLE, options=HEVC),
    "vp8 webm": Encoding("libvpx", ".webm", options={"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good"}),
    "vp9 webm": Encoding("libvpx-vp9", ".webm", options=VP9),
    "vp9 mp4": Encoding("libvpx-vp9", options=VP9),
    "vp9 vfr": Encoding("libvpx-vp9", ".webm", times=VARIABLE, options=VP9),
    "ffv1 mkv": Encoding("ffv1", ".mkv", pix_fmt="yuv444p"),
    "prores mov": Encoding("prores_ks", ".mov", pix_fmt="yuv422p10le"),
}
# Where decord is wrong, by the golden frames or by the containers it was found wrong in, and PyAV reads.
PYAV = {
    "h264 open gop": Encoding("libx264", options=OPEN_H264),
    "h264 open gop vfr": Encoding("libx264", times=VARIABLE, options=OPEN_H264),
    "h264 open gop mkv": Encoding("libx264", ".mkv", options=OPEN_H264),
    "h264 intra refresh": Encoding("libx264", options={"x264-params": "intra-refresh=1:keyint=8:bframes=0"}),
    "h264 avi": Encoding("libx264", ".avi", options=H264),
    "h264 ts": Encoding("libx264", ".ts", options=H264),
    "h264 open gop ts": Encoding("libx264", ".ts", options=OPEN_H264),
    "h264 flv": Encoding("libx264", ".flv", options=H264),
    "h264 stream": Encoding("libx264", ".h264", options=H264),
    "hevc open gop": Encoding("libx265", options=OPEN_HEVC),
    "hevc open gop mkv": Encoding("libx265", ".mkv", options=OPEN_HEVC),
    "mpeg4 b": Encoding("mpeg4", options={"bf": "2"}),
    "mpeg4 b avi": Encoding("mpeg4", ".avi", options={"bf": "2"}),
    "mpeg4 b mkv": Encoding("mpeg4", ".mkv", options={"bf": "2"}),
    "msmpeg4 avi": Encoding("msmpeg4v3", ".avi"),
    "mjpeg avi": Encoding("mjpeg", ".avi", pix_fmt="yuvj420p"),
    "mpeg2 ts": Encoding("mpeg2video", ".ts", options={"bf": "2"}),
    "mpeg2 mpg": Encoding("mpeg2video", ".mpg", options={"bf": "2"}),
    "av1 mp4": Encoding("libsvtav1", options=AV1),
    "av1 webm": Encoding("libsvtav1", ".webm", options=AV1),
    "av1 mkv vfr": Encoding("libsvtav1", ".mkv", times=VARIABLE, options=AV1),
}
ALL = PLAIN | PYAV
