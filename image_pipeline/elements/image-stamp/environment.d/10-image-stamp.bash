image_stamp_name=$(basename "${IMAGE_NAME:-image}")
export DIB_IMAGE_STAMP_RECIPE=${DIB_IMAGE_STAMP_RECIPE:-$image_stamp_name}
export DIB_IMAGE_STAMP_RUN=${DIB_IMAGE_STAMP_RUN:-}
