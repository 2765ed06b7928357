/* The limit that ingest is measured against: libjpeg decodes each file of the command line in full, `rounds` times.
   Prints CPU milliseconds per file in the best round (other programs on the machine only add). Built by the bench: cc -O2 libjpeg-decode.c -ljpeg */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <jpeglib.h>

static unsigned char *read_file(const char *path, unsigned long *size) {
  FILE *file = fopen(path, "rb");
  if (!file) { perror(path); exit(1); }
  fseek(file, 0, SEEK_END);
  *size = (unsigned long)ftell(file);
  rewind(file);
  unsigned char *bytes = malloc(*size);
  if (fread(bytes, 1, *size, file) != *size) { perror(path); exit(1); }
  fclose(file);
  return bytes;
}

static void decode(const unsigned char *bytes, unsigned long size) {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes, size);
  jpeg_read_header(&info, TRUE);
  jpeg_start_decompress(&info);
  JSAMPARRAY row = (*info.mem->alloc_sarray)((j_common_ptr)&info, JPOOL_IMAGE,
                                             info.output_width * info.output_components, 1);
  while (info.output_scanline < info.output_height) jpeg_read_scanlines(&info, row, 1);
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
}

int main(int count, char **arguments) {
  int rounds = atoi(arguments[1]);
  double best = 1e30;
  for (int r = 0; r < rounds; r++) {
    clock_t total = 0;
    for (int i = 2; i < count; i++) {
      unsigned long size;
      unsigned char *bytes = read_file(arguments[i], &size);
      if (r == 0) decode(bytes, size);
      clock_t start = clock();
      decode(bytes, size);
      total += clock() - start;
      free(bytes);
    }
    if (total < best) best = total;
  }
  printf("%.4f\n", 1000.0 * best / CLOCKS_PER_SEC / (count - 2));
  return 0;
}
