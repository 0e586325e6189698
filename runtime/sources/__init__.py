"""Where frames come from: cameras, video files, streams, pictures, the demo."""
