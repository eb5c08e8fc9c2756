export DIB_MOTD=${DIB_MOTD:-An image of ours}
