"""Where files come from: folders, archives, disk images, feeds."""
