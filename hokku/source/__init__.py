"""What was pushed or uploaded: git over SSH and HTTPS, tarballs."""
