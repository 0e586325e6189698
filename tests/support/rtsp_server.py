"""GStreamer's RTSP server as a program: a camera that asks for user and password.

    python3 rtsp_server.py PORT WIDTH HEIGHT

The system's Python runs it, as its GObject bindings come with the system:
apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good
gstreamer1.0-plugins-ugly. Prints a line once it listens.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

USER, PASSWORD = "me", "secret"


def main() -> None:
    """Serves rtsp://127.0.0.1:PORT/cam, and sound alone at /sound, until it is killed."""
    port, width, height = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(
        f"( videotestsrc is-live=true pattern=ball "
        f"! video/x-raw,format=I420,width={width},height={height},framerate=25/1 "
        "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 "
        "! rtph264pay name=pay0 pt=96 config-interval=1 )"
    )
    factory.set_shared(True)
    auth = GstRtspServer.RTSPAuth.new()
    token = GstRtspServer.RTSPToken.new()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "user")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(USER, PASSWORD), token)
    server.set_auth(auth)
    rights = GstRtspServer.RTSPPermissions.new()
    for right in ("access", "construct"):
        rights.add_permission_for_role("user", f"media.factory.{right}", True)
    factory.set_permissions(rights)
    server.get_mount_points().add_factory("/cam", factory)
    sound = GstRtspServer.RTSPMediaFactory.new()
    sound.set_launch("( audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0 pt=8 )")
    sound.set_permissions(rights)
    server.get_mount_points().add_factory("/sound", sound)
    if not Gst.ElementFactory.find("x264enc") or not server.attach(None):
        sys.exit("no x264enc, or the port is taken")
    print("listening", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
