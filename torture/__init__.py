"""What a case must live through, done to it: kills, power loss, full and failing disks, hostile files."""
